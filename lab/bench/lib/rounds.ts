import { setTimeout as pause } from "node:timers/promises";

/** One way to do the measured thing. */
export interface Way<T = number> {
  readonly name: string;
  /** Does it once and returns the measurement, usually milliseconds. */
  run(): Promise<T>;
}

/** The measurements of one way. */
export interface Series<T = number> {
  readonly name: string;
  readonly values: readonly T[];
}

/**
 * Runs all ways in turn, `rounds` times after one warm-up that does not count, so that other load on the
 * machine affects all of them.
 */
export async function takeTurns<T = number>(ways: readonly Way<T>[], rounds: number): Promise<Series<T>[]> {
  const values = ways.map((): T[] => []);
  for (let round = 0; round <= rounds; round++) {
    for (const [index, way] of ways.entries()) {
      const value = await way.run();
      if (round > 0) values[index]?.push(value);
    }
  }
  return ways.map(({ name }, index) => ({ name, values: values[index] ?? [] }));
}

/**
 * Does something until it succeeds, or its patience is over.
 * @param patienceMs milliseconds @param everyMs milliseconds between two tries
 */
export async function untilDone<T>(
  work: () => Promise<T>,
  { patienceMs, everyMs }: { readonly patienceMs: number; readonly everyMs: number },
): Promise<T> {
  const until = performance.now() + patienceMs;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (performance.now() > until) throw error;
      await pause(everyMs);
    }
  }
}

/** Picks one number of each run's measurement. */
export const each = <T>(series: readonly Series<T>[], number: (value: T) => number): Series[] =>
  series.map(({ name, values }) => ({ name, values: values.map(number) }));

/** Milliseconds that `work` takes. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}
