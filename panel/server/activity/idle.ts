/** Decides which projects are idle, and when to send a notice. Pure. */

import { DAY_MS } from "../../../config/text/days.ts";

/** A project's record on disk. Times are milliseconds since the epoch. */
export interface ActivityRecord {
  /** When it was first seen running: the start of the idle time if it was never used. */
  readonly since: number;
  readonly lastActivity?: number;
  /** Start of the idle time that the last notice was about, so that each has one notice. */
  readonly toldFor?: number;
}

/** One check of a project. */
export interface Observation {
  readonly isRunning: boolean;
  /** Undefined without activity, or if it is not responding. */
  readonly lastActivity?: number | undefined;
}

/** The new record, and whether to send a notice. */
export interface IdleDecision {
  readonly known: ActivityRecord;
  /** Whole days of idle time; set if a notice is due. */
  readonly idleDays?: number;
}

const idleSince = ({ since, lastActivity = since }: ActivityRecord): number => Math.max(since, lastActivity);

/**
 * Evaluates one project. A stopped one is never idle; its idle time starts when it runs again.
 * @param idleDays days until it is idle; never if undefined
 */
export function evaluate(
  before: ActivityRecord | undefined,
  seen: Observation,
  idleDays: number | undefined,
  now: number,
): IdleDecision {
  const seenAt = latest(before?.lastActivity, seen.lastActivity);
  // A project says itself when it was used: nothing was used later than now.
  const lastActivity = seenAt === undefined ? undefined : Math.min(seenAt, now);
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

/** The record after its notice was sent. */
export const markNotified = (known: ActivityRecord): ActivityRecord => ({
  ...known,
  toldFor: idleSince(known),
});

function latest(a: number | undefined, b: number | undefined): number | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return Math.max(a, b);
}
