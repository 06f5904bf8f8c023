/** A machine full of projects of which few are in use: what all take, what those in use notice of the others, and how they come back. */
import { setTimeout as pause } from "node:timers/promises";
import { PLATFORM_LABEL } from "../../../config/naming/names.ts";
import { docker as engine } from "../../../test/support/docker.ts";
import { projectApi } from "../lib/api.ts";
import { docker, untilContainersHealthy } from "../lib/docker.ts";
import type { FigureSpec, Fixture } from "../lib/fixture.ts";
import { latencies, type Target } from "../lib/http.ts";
import { putToSleep, type Taken, takenBy } from "../lib/keeper.ts";
import { type Platform, projectName, RUNNING } from "../lib/platform.ts";
import type { Comparison } from "../lib/report.ts";
import { each, type Series, takeTurns, timed, untilDone } from "../lib/rounds.ts";
import { percentile } from "../lib/stats.ts";
import { make } from "../lib/tokens.ts";

/** Projects in use, and how many are woken at once. */
const IN_USE = 8;
const WOKEN = 20;
/** Projects that an update starts: each takes a processor for seconds, and its whole memory until it sleeps. */
const AT_ONCE = 4;
/** Requests to each project in use, of a round. */
const REQUESTS = 50;
const PATIENCE = { patienceMs: 15 * 60_000, everyMs: 200 };
/** Whoever has waited so long for an answer asks again. */
const TIRED_MS = 30_000;

export const sleepers: FigureSpec = {
  name: "sleep",
  title: "A hundred projects, of which eight are in use",
  notes: [
    "Docker's own address pools are enough for some 25 projects on one machine (docs/troubleshooting.md); it was started with those of a droplet.",
    "In use: eight projects, or half of fewer. Without sleepers: before the others were started, on the same platform. With sleepers: each was put to sleep as soon as it was healthy, four at a time. The two are measured one after the other.",
    "RAM and swap of everything: all containers of the platform, without page cache that the kernel may drop.",
    "The page: its HTML through Traefik, asked of all projects in use at once, each on one keep-alive connection.",
    "Woken: requests that make a session, sent to as many sleepers at the same moment, until the first, the middle and the last is answered.",
    "Restart: `docker restart` of all containers at once, without time to end, which is as near to a boot as it goes. From its beginning until somebody's session is made who asks all the while: in one of the projects that were in use, in one that slept, and in all of those in use. Who has no answer in 30 s asks again. One run.",
  ],
  sizes: [100],
  beside: false,

  async measure(fixture, projects) {
    const { platform } = fixture;
    const used = Math.max(1, Math.min(IN_USE, Math.floor(projects / 2)));
    const [inUse, others] = [namesOf(1, used), namesOf(used + 1, projects)];
    try {
      await start(platform, projects, used);
      const alone = await look(fixture, inUse);
      for (let running = used; running < projects; running += AT_ONCE) {
        const next = others.slice(running - used, running - used + AT_ONCE);
        await start(platform, projects, running + next.length, next);
        for (const project of next) await putToSleep(platform, project);
      }
      const beside = await look(fixture, inUse);
      const words = [`${used} in use`, `${used} in use, ${others.length} asleep`] as const;
      return [
        ...compare(words, alone, beside),
        await wokenAtOnce(fixture, others.slice(0, WOKEN)),
        await restart(platform, inUse, others),
      ];
    } finally {
      await start(platform, projects, RUNNING);
    }
  },
};

const namesOf = (first: number, last: number): string[] =>
  Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => projectName(first + index));

/** Lets the first so many projects run, and waits for the new ones. */
async function start(
  platform: Platform,
  projects: number,
  running: number,
  added = namesOf(1, running),
): Promise<void> {
  platform.declareRunning(projects, running);
  await platform.up();
  if (added.length > 0) await untilContainersHealthy(added.map(platform.names.project));
}

const targetOf = ({ urls, port }: Platform, project: string): Target => ({
  host: "127.0.0.1",
  port,
  path: "/",
  headers: { host: `${urls.hostname(project)}:${port}` },
});

const session = (platform: Platform, project: string) =>
  make(targetOf(platform, project), projectApi.createSession());

async function tired(): Promise<never> {
  await pause(TIRED_MS, undefined, { ref: false });
  throw new Error(`no answer in ${TIRED_MS / 1000} s`);
}

interface Looked {
  readonly ram: number;
  readonly swap: number;
  readonly p50: readonly number[];
  readonly p99: readonly number[];
}

/** What all take, and how long the page of those in use takes. */
async function look({ platform, rounds }: Fixture, inUse: readonly string[]): Promise<Looked> {
  for (const project of inUse) await session(platform, project);
  const run = async () => {
    const times = await Promise.all(inUse.map((project) => latencies(targetOf(platform, project), REQUESTS)));
    return times.flat();
  };
  const [series] = await takeTurns<number[]>([{ name: "", run }], rounds);
  const values = series?.values ?? [];
  return {
    ...(await takenByAll(platform)),
    p50: values.map((times) => percentile(times, 50)),
    p99: values.map((times) => percentile(times, 99)),
  };
}

const runningOf = async ({ names }: Platform): Promise<string[]> => {
  const ids = await docker("ps", "-q", "--no-trunc", "--filter", `label=${PLATFORM_LABEL}=${names.prefix}`);
  return ids.split("\n").filter(Boolean);
};

async function takenByAll(platform: Platform): Promise<Taken> {
  const sum = { ram: 0, swap: 0 };
  for (const id of await runningOf(platform)) {
    const { ram, swap } = await takenBy(id);
    sum.ram += ram;
    sum.swap += swap;
  }
  return sum;
}

function compare(words: readonly [string, string], alone: Looked, beside: Looked): Comparison[] {
  const series = (pick: (looked: Looked) => readonly number[]): Series[] => [
    { name: words[0], values: pick(alone) },
    { name: words[1], values: pick(beside) },
  ];
  return [
    { what: "RAM of everything", unit: "size", series: series(({ ram }) => [ram]) },
    { what: "swap of everything", unit: "size", series: series(({ swap }) => [swap]) },
    { what: "the page of those in use, p50", unit: "time", series: series(({ p50 }) => p50) },
    { what: "the page of those in use, p99", unit: "time", series: series(({ p99 }) => p99) },
  ];
}

/** One sleeper alone, and many at the same moment. */
async function wokenAtOnce({ platform, rounds }: Fixture, projects: readonly string[]): Promise<Comparison> {
  const wake = async (woken: readonly string[]) => {
    const times = await Promise.all(woken.map((project) => timed(() => session(platform, project))));
    for (const project of woken) await putToSleep(platform, project);
    return { first: Math.min(...times), middle: percentile(times, 50), last: Math.max(...times) };
  };
  const ways = [projects.slice(0, 1), projects].map((woken) => ({
    name: `${woken.length}`,
    run: () => wake(woken),
  }));
  const [one, many] = await takeTurns(ways, rounds);
  const named = (name: string, [series]: readonly Series[]): Series => ({
    name,
    values: series?.values ?? [],
  });
  const all = many ? [many] : [];
  return {
    what: "woken until answered",
    unit: "time",
    series: [
      named(
        "one alone",
        each(one ? [one] : [], ({ last }) => last),
      ),
      named(
        `${projects.length} at once, the first`,
        each(all, ({ first }) => first),
      ),
      named(
        `${projects.length} at once, the middle`,
        each(all, ({ middle }) => middle),
      ),
      named(
        `${projects.length} at once, the last`,
        each(all, ({ last }) => last),
      ),
    ],
  };
}

/** From the restart of all containers until people are served. */
async function restart(
  platform: Platform,
  inUse: readonly string[],
  others: readonly string[],
): Promise<Comparison> {
  // Whatever has taken how long: they are awake.
  for (const project of inUse) await session(platform, project);
  const ids = await runningOf(platform);
  const began = performance.now();
  await Promise.all(ids.map((id) => engine.getContainer(id).restart({ t: 0 })));
  const served = async (project: string) => {
    await untilDone(() => Promise.race([session(platform, project), tired()]), PATIENCE);
    return performance.now() - began;
  };
  const sleeper = others.slice(0, 1);
  const [used, slept] = await Promise.all([Promise.all(inUse.map(served)), Promise.all(sleeper.map(served))]);
  return {
    what: "from a restart of all",
    unit: "time",
    series: [
      { name: "first person, of a project in use", values: [Math.min(...used)] },
      { name: "somebody who asks for a sleeper", values: slept },
      { name: `all ${inUse.length} in use`, values: [Math.max(...used)] },
    ],
  };
}
