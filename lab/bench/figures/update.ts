import { type FigureSpec, projectsInWords } from "../lib/fixture.ts";
import { projectName } from "../lib/platform.ts";
import { takeTurns, timed } from "../lib/rounds.ts";

const ADDED = "added";

export const update: FigureSpec = {
  name: "update",
  title: "An update's cost, now and before",
  notes: [
    "Before is the checkout of `--before`, on its own stack; both take turns. Two projects run; the others are stopped, which costs the engine the same.",
    "One project: `pulumi up --skip-preview` before, `npm run apply -- <name>` now, which starts the engine once with exact targets. Undoing it is not counted.",
    "The program's processor time is that of its own process, without the engine and the plugins.",
  ],
  sizes: [10, 50],
  beside: false,

  async measure({ platform, before, rounds }, projects) {
    if (!before) throw new Error("the figure update needs a checkout to compare with: --before <folder>");
    await before.scale(projects);
    const ways = [
      { name: "before", platform: before, update: () => before.up() },
      { name: "now", platform, update: (project: string) => platform.apply(project) },
    ];
    const processor = ways.map(({ name }) => ({ name, values: [] as number[] }));
    const nothing = await takeTurns(
      ways.map(({ name, platform }, index) => ({
        name,
        async run() {
          const took = await timed(() => platform.noop("--skip-preview"));
          processor[index]?.values.push(platform.programTime());
          return took;
        },
      })),
      rounds,
    );
    let revision = 0;
    const changed = await takeTurns(
      ways.map(({ name, platform, update }) => ({
        name,
        run() {
          platform.declare(projects, [], String(++revision));
          return timed(() => update(projectName(projects)));
        },
      })),
      rounds,
    );
    const added = await takeTurns(
      ways.map(({ name, platform, update }) => ({
        name,
        async run() {
          platform.declare(projects, [ADDED], String(revision));
          const took = await timed(() => update(ADDED));
          platform.declare(projects, [], String(revision));
          await platform.up();
          return took;
        },
      })),
      rounds,
    );
    for (const { platform } of ways) {
      platform.declare(projects);
      await platform.up();
    }
    return [
      { what: `nothing to do at ${projectsInWords(projects)}`, unit: "time", series: nothing },
      {
        what: "the program's processor time in it",
        unit: "time",
        series: processor.map(({ name, values }) => ({ name, values: values.slice(1) })),
      },
      { what: `one changed of ${projectsInWords(projects)}`, unit: "time", series: changed },
      { what: `one added to ${projectsInWords(projects)}`, unit: "time", series: added },
    ];
  },
};
