/** Progress of an operation, from its events. Pure. */
import type { Message, Operation, Progress } from "./model.ts";

/** The step of one resource. */
export type Step = Progress;

/** An operation with its events so far. */
export interface Timeline {
  readonly operation: Operation;
  /** By step and URN, in the order they began. */
  readonly steps: ReadonlyMap<string, Step>;
  readonly messages: readonly Message[];
}

export const emptyTimeline = (operation: Operation): Timeline => ({
  operation,
  steps: new Map(),
  messages: [],
});

/** Adds a step's event; a repeated one changes nothing. */
export function withProgress(timeline: Timeline, step: Progress): Timeline {
  return { ...timeline, steps: new Map(timeline.steps).set(`${step.op} ${step.urn}`, step) };
}

/** Adds a message. */
export const withMessage = (timeline: Timeline, message: Message): Timeline => ({
  ...timeline,
  messages: [...timeline.messages, message],
});

const ENDED = ["succeeded", "failed", "interrupted"];

export const hasEnded = ({ state }: Pick<Operation, "state">): boolean => ENDED.includes(state);

/** Progress of an update; `max` is undefined while the total is unknown. */
export interface Share {
  readonly value: number;
  readonly max: number | undefined;
  readonly text: string;
}

/** Progress by the operation's count or its steps, whichever is further. */
export function shareOf({ operation, steps }: Timeline): Share {
  const done = Math.max(
    operation.done,
    [...steps.values()].filter((step) => step.status === "done" && step.op !== "same").length,
  );
  const { total, isWork } = operation;
  if (isWork && operation.state === "succeeded") return { value: 1, max: 1, text: "" };
  if (isWork && total) return { value: done, max: total, text: `${done} %` };
  if (operation.state === "succeeded") {
    const count = total ?? done;
    return { value: 1, max: 1, text: count === 1 ? "1 resource" : `${count} resources` };
  }
  if (!total) return { value: 0, max: undefined, text: done > 0 ? `${done} done` : "" };
  return { value: Math.min(done, total), max: total, text: `${Math.min(done, total)} of ${total}` };
}

/** Milliseconds that an ended operation is shown: the list of projects soon shows a success itself. */
export const SHOWN_AFTER_END = { succeeded: 60_000, failed: 10 * 60_000 } as const;
/** Maximum succeeded operations shown, since one update may complete many. */
const MAX_SUCCEEDED_SHOWN = 3;

/** Operations to show, newest first: queued, running or recently ended, except dismissed ones. */
export function visibleOperations(
  operations: readonly Operation[],
  now: number,
  dismissed: ReadonlySet<string>,
): Operation[] {
  let succeededShown = 0;
  return operations
    .filter((operation) => {
      if (!hasEnded(operation)) return true;
      const ended = Date.parse(operation.endedAt ?? operation.createdAt);
      const { succeeded, failed } = SHOWN_AFTER_END;
      const shownFor = operation.state === "succeeded" ? succeeded : failed;
      return !dismissed.has(operation.id) && now - ended < shownFor;
    })
    .sort((one, other) => Date.parse(other.createdAt) - Date.parse(one.createdAt))
    .filter(({ state }) => state !== "succeeded" || ++succeededShown <= MAX_SUCCEEDED_SHOWN);
}

/** The author of a project's latest operation since a time; undefined if there is none. */
export function changedBy(
  operations: readonly Operation[],
  project: string,
  since: number,
): string | undefined {
  return operations
    .filter(({ project: of, createdAt }) => of === project && Date.parse(createdAt) >= since)
    .sort((one, other) => Date.parse(other.createdAt) - Date.parse(one.createdAt))[0]?.person;
}
