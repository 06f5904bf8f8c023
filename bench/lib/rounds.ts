/** One way to do what is measured. */
export interface Way {
  readonly name: string;
  /** Does it once and answers what was measured, usually milliseconds. */
  run(): Promise<number>;
}

/**
 * Runs all ways in turns, `rounds` times after one warm-up that is not counted, so that whatever else the machine does
 * falls on all of them.
 */
export async function takeTurns(
  ways: readonly Way[],
  rounds: number,
): Promise<{ name: string; values: number[] }[]> {
  const series = ways.map(({ name }) => ({ name, values: [] as number[] }));
  for (let round = 0; round <= rounds; round++) {
    for (const [index, way] of ways.entries()) {
      const value = await way.run();
      if (round > 0) series[index]?.values.push(value);
    }
  }
  return series;
}

/** Milliseconds that something takes. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}
