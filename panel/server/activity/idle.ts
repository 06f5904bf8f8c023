/** Which projects are idle, and of which it has been told. Pure. */

const DAY_MS = 86_400_000;

/** What is kept of a project. Times are milliseconds since 1970. */
export interface ActivityRecord {
  /** When it was first seen to run: a project that was never used is idle from then on. */
  readonly since: number;
  readonly lastActivity?: number;
  /** Up to which activity its idleness has been told: once for each time that it falls idle. */
  readonly toldFor?: number;
}

/** What is seen of a project at one look. */
export interface Observation {
  readonly isRunning: boolean;
  /** Undefined where there is none, or it did not say. */
  readonly lastActivity?: number | undefined;
}

/** What is to be kept, and whether it is to be told now. */
export interface IdleDecision {
  readonly known: ActivityRecord;
  /** Whole days that it has been idle, when that is to be told. */
  readonly idleDays?: number;
}

const idleSince = ({ since, lastActivity = since }: ActivityRecord): number => Math.max(since, lastActivity);

/**
 * Judges one project. A stopped one is not idle; it counts anew from when it runs again.
 * @param idleDays after how many days; never, when absent
 */
export function evaluate(
  before: ActivityRecord | undefined,
  seen: Observation,
  idleDays: number | undefined,
  now: number,
): IdleDecision {
  const lastActivity = latest(before?.lastActivity, seen.lastActivity);
  const known: ActivityRecord = {
    since: before && seen.isRunning ? before.since : now,
    ...(lastActivity === undefined ? {} : { lastActivity }),
    ...(before?.toldFor === undefined || !seen.isRunning ? {} : { toldFor: before.toldFor }),
  };
  if (!seen.isRunning || idleDays === undefined) return { known };
  const since = idleSince(known);
  const isIdle = now - since >= idleDays * DAY_MS;
  if (!isIdle || known.toldFor === since) return { known };
  return { known, idleDays: Math.floor((now - since) / DAY_MS) };
}

/** The same once it has been told. */
export const markNotified = (known: ActivityRecord): ActivityRecord => ({
  ...known,
  toldFor: idleSince(known),
});

function latest(a: number | undefined, b: number | undefined): number | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return Math.max(a, b);
}
