/** One way to do what is measured. */
export interface Way<T = number> {
  readonly name: string;
  /** Does it once and answers what was measured, usually milliseconds. */
  run(): Promise<T>;
}

/** What one way's runs have measured. */
export interface Series<T = number> {
  readonly name: string;
  readonly values: readonly T[];
}

/**
 * Runs all ways in turns, `rounds` times after one warm-up that is not counted, so that whatever else the machine does
 * falls on all of them.
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

/** One number of what each run has measured. */
export const each = <T>(series: readonly Series<T>[], number: (value: T) => number): Series[] =>
  series.map(({ name, values }) => ({ name, values: values.map(number) }));

/** Milliseconds that something takes. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}
