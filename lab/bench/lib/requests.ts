import type { Fixture } from "./fixture.ts";
import { latencies, type Target, throughput } from "./http.ts";
import type { Comparison } from "./report.ts";
import { takeTurns } from "./rounds.ts";
import { percentile } from "./stats.ts";

export const REQUESTS = 300;
export const CONNECTIONS = 8;
export const LOAD_MS = 1500;

/** One way of a request to a server. */
export interface Way {
  readonly name: string;
  readonly target: Target;
}

/** The p50 and p99 of each run, for each way. */
export async function comparePercentiles(
  what: string,
  ways: readonly Way[],
  { rounds }: Pick<Fixture, "rounds">,
  measure: (target: Target) => Promise<number[]>,
): Promise<Comparison[]> {
  const p99 = ways.map(({ name }) => ({ name, values: [] as number[] }));
  const p50 = await takeTurns(
    ways.map(({ name, target }, index) => ({
      name,
      async run() {
        const times = await measure(target);
        p99[index]?.values.push(percentile(times, 99));
        return percentile(times, 50);
      },
    })),
    rounds,
  );
  // The warm-up does not count.
  const counted = p99.map(({ name, values }) => ({ name, values: values.slice(1) }));
  return [
    { what: `${what}, p50`, unit: "time", series: p50 },
    { what: `${what}, p99`, unit: "time", series: counted },
  ];
}

/** How a request's ways compare: p50 and p99 of sequential requests on one connection, and answers per second to several. */
export async function compareWays(
  what: string,
  ways: readonly Way[],
  { rounds }: Pick<Fixture, "rounds">,
): Promise<Comparison[]> {
  const times = await comparePercentiles(what, ways, { rounds }, (target) => latencies(target, REQUESTS));
  const rates = await takeTurns(
    ways.map(({ name, target }) => ({ name, run: () => throughput(target, CONNECTIONS, LOAD_MS) })),
    rounds,
  );
  return [...times, { what: `${what}, answers`, unit: "rate", series: rates }];
}
