// The keeper's clocks, and what a project says of itself in a form that a jump of the machine's clock does not change.
import { readFileSync } from "node:fs";

/**
 * By how many milliseconds both clocks are ahead: a test writes the number into this file of the keeper's own tmpfs, and half an hour has passed
 * (`docker exec <keeper> sh -c 'echo 1800000 > /tmp/ahead'`). Only `sleep.after` is measured by these clocks; nothing waits by them.
 */
const AHEAD = "/tmp/ahead";

/** By how much the two clocks may differ from one look to the next: more is a clock that was set, or a machine that was suspended. Milliseconds. */
const JUMP_MS = 5000;

/**
 * @typedef {{wall(): number, steady(): number, unmoved(): number, ahead(): number}} Clock `wall` since 1970, `steady` since some moment and never set,
 *   `unmoved` the same by no test's clock
 */

/** @returns {Clock} */
export function makeClock(file = AHEAD) {
  const ahead = () => {
    try {
      return Number(readFileSync(file, "utf8")) || 0;
    } catch {
      return 0; // nobody has moved them
    }
  };
  return {
    wall: () => Date.now() + ahead(),
    steady: () => performance.now() + ahead(),
    unmoved: () => performance.now(),
    ahead,
  };
}

/** Says of each look whether the clock has jumped since the last one. @param {Clock} clock */
export function jumps(clock) {
  let offset;
  return () => {
    const before = offset;
    offset = clock.wall() - clock.steady();
    return before !== undefined && Math.abs(offset - before) > JUMP_MS;
  };
}

const MOMENTS = ["lastActivity", "transfer", "ports", "since"];

/**
 * What a project has said, with its moments as they are by a clock that is never set: one of the future is as old as it has been known here, and
 * none is older than `floor`.
 * @param {Record<string, number | null>} observation
 * @param {Map<string, {value: number, at: number}>} known what was seen before, by name; changed here
 * @param {{steady: number, ahead?: number, floor?: number}} when steady time of now, and since when it has been awake, or the clock right
 */
export function steadied(observation, known, { steady, ahead = 0, floor = Number.NEGATIVE_INFINITY }) {
  const now = observation.now + ahead;
  const moments = MOMENTS.flatMap((name) => {
    const value = observation[name];
    if (typeof value !== "number") return [];
    const seen = known.get(name);
    if (seen?.value !== value) known.set(name, { value, at: steady });
    const said = now - value;
    const age = observation.now < value ? steady - (known.get(name)?.at ?? steady) : said;
    return [[name, now - Math.max(0, Math.min(age, steady - floor))]];
  });
  return { ...observation, now, ...Object.fromEntries(moments) };
}
