/** What a project costs that nobody uses, and how long it takes to come back. */
import { projectApi } from "../lib/api.ts";
import { docker, untilContainersHealthy } from "../lib/docker.ts";
import type { FigureSpec, Fixture } from "../lib/fixture.ts";
import type { Target } from "../lib/http.ts";
import { putToSleep, takenBy } from "../lib/keeper.ts";
import { projectName } from "../lib/platform.ts";
import type { Comparison } from "../lib/report.ts";
import { takeTurns, timed, untilDone, type Way } from "../lib/rounds.ts";
import { percentile } from "../lib/stats.ts";
import { Model, make } from "../lib/tokens.ts";

/** Ways back for each round of the other figures: 30 with the default of five rounds. */
const TIMES = 6;
/** For a server that was stopped. */
const PATIENCE = { patienceMs: 60_000, everyMs: 50 };

export const sleeping: FigureSpec = {
  name: "sleep",
  title: "Sleeping projects",
  notes: [
    "A session: until a request that makes one is answered through Traefik. A prompt: until the first token of its answer is on the event stream. Each is one request, sent once: a sleeping project's is held until the project is awake. A stopped container is started, and asked every 50 ms.",
    "Untouched: since its start. In use: after a session and a prompt. Asleep: the same container afterwards. RAM without page cache that the kernel may drop.",
  ],
  sizes: [2],
  beside: false,

  async measure(fixture) {
    const { platform } = fixture;
    const untouched = await takenBy(platform.names.project(projectName(2)));
    const model = await Model.start(platform);
    try {
      const target = targetOf(fixture);
      const session = await model.session(target);
      await model.firstToken(target, session);
      const used = await takenBy(platform.names.project(projectName(1)));
      const back = [
        ...(await waysBack(fixture, "a session", () => make(target, projectApi.createSession()))),
        ...(await waysBack(fixture, "a prompt's first token", () => model.firstToken(target, session))),
      ];
      await putToSleep(platform, projectName(1));
      const asleep = await takenBy(platform.names.project(projectName(1)));
      const sizes = (of: "ram" | "swap") => [
        { name: "untouched", values: [untouched[of]] },
        { name: "in use", values: [used[of]] },
        { name: "asleep", values: [asleep[of]] },
      ];
      return [
        ...back,
        { what: "RAM of a project", unit: "size", series: sizes("ram") },
        { what: "swap of a project", unit: "size", series: sizes("swap") },
      ];
    } finally {
      await model.stop();
    }
  },
};

const targetOf = ({ platform }: Fixture): Target => ({
  host: "127.0.0.1",
  port: platform.port,
  path: "/",
  headers: { host: `${platform.urls.hostname(projectName(1))}:${platform.port}` },
});

/** The same request to a project that is awake, asleep, and stopped. */
async function waysBack(
  { platform, rounds }: Fixture,
  what: string,
  request: () => Promise<unknown>,
): Promise<Comparison[]> {
  const container = platform.names.project(projectName(1));
  const ways: Way[] = [
    { name: "awake", run: () => timed(request) },
    {
      name: "asleep",
      async run() {
        await putToSleep(platform, projectName(1));
        return timed(request);
      },
    },
    {
      name: "stopped, docker start",
      async run() {
        await docker("stop", container);
        const took = await timed(async () => {
          await docker("start", container);
          await untilDone(request, PATIENCE);
        });
        await untilContainersHealthy([container]);
        return took;
      },
    },
  ];
  const series = await takeTurns(ways, rounds * TIMES);
  const p99 = series.map(({ name, values }) => ({ name, values: [percentile(values, 99)] }));
  return [
    { what, unit: "time", series },
    { what: `${what}, p99`, unit: "time", series: p99 },
  ];
}
