import type { Operation } from "../../../panel/server/platform/types.ts";
import { projectApi } from "../lib/api.ts";
import { type FigureSpec, type Fixture, projectsInWords } from "../lib/fixture.ts";
import { untilHealthy } from "../lib/http.ts";
import { Panel } from "../lib/panel.ts";
import type { Comparison } from "../lib/report.ts";
import { each, takeTurns, type Way } from "../lib/rounds.ts";

const ADDED = "added";
/** A run takes 15 s. */
const MOST_ROUNDS = 3;

/** Milliseconds of each phase in the panel. */
interface Parts {
  readonly answer: number;
  readonly queue: number;
  readonly update: number;
  readonly start: number;
}

/** Milliseconds until a project served, and the panel's phases. */
interface Serving {
  readonly took: number;
  readonly parts?: Parts;
}

/** In chronological order. */
const PARTS: readonly (readonly [keyof Parts, string])[] = [
  ["answer", "checked, written down, 202 answered"],
  ["queue", "waits for its turn"],
  ["update", "update"],
  ["start", "from the update's end until it is healthy"],
];

export const panelClick: FigureSpec = {
  name: "panel",
  title: "The panel: from a click to a serving project",
  notes: [
    `The click: \`POST /api/projects\`, as sent by the page's button. The terminal: the same entry is already in projects.yaml when the command starts. Healthy: \`${projectApi.health.path}\` reports it through Traefik, asked every 50 ms. The project is removed between runs, which is not counted.`,
    "`npm start` and the panel refresh the state first (`--refresh`), because containers can be started and stopped in Docker; `pulumi up --skip-preview` does not. `npm start` is measured without npm and the launcher, until the project is healthy.",
    "The panel's phases by its own clock, from `GET /api/operations/:id`.",
  ],
  sizes: [1, 10],
  beside: false,

  async measure(fixture, projects) {
    const panel = await Panel.start(fixture);
    try {
      const { platform, rounds } = fixture;
      const byHand = (name: string, update: () => Promise<unknown>): Way<Serving> => ({
        name,
        async run() {
          platform.declare(projects, [ADDED]);
          const [took] = await Promise.all([untilServing(fixture), update()]);
          return takeAway(fixture, projects, { took });
        },
      });
      const clicked: Way<Serving> = {
        name: "the panel",
        run: async () => takeAway(fixture, projects, await click(fixture, panel)),
      };
      const commands = [
        byHand("pulumi up --skip-preview", () => platform.up()),
        byHand("npm start", () => platform.start()),
      ];
      const serving = await takeTurns([...commands, clicked], Math.min(rounds, MOST_ROUNDS));
      const what = projectsInWords(projects);
      const series = each(serving, ({ took }) => took);
      const parts = serving.flatMap(({ values }) => values.flatMap(({ parts }) => parts ?? []));
      return [{ what: `added to ${what}`, unit: "time", series }, ...inParts(what, parts)];
    } finally {
      await panel.end();
    }
  },
};

/** Milliseconds from now until the added project is healthy. */
async function untilServing({ platform }: Fixture): Promise<number> {
  const began = performance.now();
  const headers = {};
  const target = { host: "127.0.0.1", port: platform.port, path: `/p/${ADDED}`, headers };
  await untilHealthy(async () => target).catch((error: Error) => {
    throw new Error(`The added project is not serving: ${error.message}`);
  });
  return performance.now() - began;
}

async function click(fixture: Fixture, panel: Panel): Promise<Serving> {
  const clicked = Date.now();
  const began = performance.now();
  const asked = panel
    .create({ name: ADDED, state: "running" })
    .then((operation) => ({ operation, answer: performance.now() - began }));
  const [took, { operation, answer }] = await Promise.all([untilServing(fixture), asked]);
  const ended = await panel.succeeded(operation.id);
  return { took, parts: partsOf(ended, { answer, healthyAt: clicked + took }) };
}

function partsOf(
  { createdAt, startedAt = "", endedAt = "" }: Operation,
  { answer, healthyAt }: { readonly answer: number; readonly healthyAt: number },
): Parts {
  const [created, started, ended] = [createdAt, startedAt, endedAt].map((time) => Date.parse(time));
  if (!(created && started && ended)) throw new Error("The panel's operation has no start or end time");
  return { answer, queue: started - created, update: ended - started, start: Math.max(0, healthyAt - ended) };
}

const inParts = (projects: string, parts: readonly Parts[]): Comparison[] =>
  PARTS.map(([key, name], index) => ({
    what: index === 0 ? `the panel's time, ${projects}` : "",
    unit: "time",
    series: [{ name, values: parts.map((part) => part[key]) }],
  }));

/** Removes the added project and returns the measured value. */
async function takeAway({ platform }: Fixture, projects: number, serving: Serving): Promise<Serving> {
  platform.declare(projects);
  await platform.up();
  return serving;
}
