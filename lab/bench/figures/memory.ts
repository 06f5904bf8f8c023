import { memoryOf } from "../lib/docker.ts";
import { type FigureSpec, type Fixture, projectsInWords } from "../lib/fixture.ts";
import { peakMemory } from "../lib/peak.ts";
import type { Comparison } from "../lib/report.ts";
import { takeTurns } from "../lib/rounds.ts";

export const memory: FigureSpec = {
  name: "memory",
  title: "Memory",
  notes: [
    "Traefik and the notice page as in `docker stats`, without projects' own containers. Nothing else stays between updates.",
    "An update: peak resident memory of the CLI, the language host, the program and the plugins together (sampled every 40 ms from /proc; shared pages are counted more than once).",
  ],
  sizes: [0, 50],
  beside: false,

  async measure(fixture, projects) {
    return [
      ...(await staying(fixture, projects)),
      {
        what: `during an update, ${projectsInWords(projects)}`,
        unit: "size",
        series: await takeTurns(
          [
            {
              name: "engine, program and plugins",
              run: () => peakMemory(() => fixture.platform.noop("--skip-preview")),
            },
          ],
          fixture.rounds,
        ),
      },
    ];
  },
};

async function staying({ platform, rounds }: Fixture, projects: number): Promise<Comparison[]> {
  const { traefik, notice } = platform.names;
  const ways = [traefik, notice].map((name) => ({
    name: name === traefik ? "Traefik" : "notice page",
    run: async () => (await memoryOf(name))[0] ?? 0,
  }));
  const series = await takeTurns(ways, rounds);
  return series.map((one) => ({ what: projectsInWords(projects), unit: "size" as const, series: [one] }));
}
