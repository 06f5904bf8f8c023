/** What is known of an update, out of its events. Pure. */
import type { Message, Operation, Progress } from "./model.ts";

/** One resource's line. */
export type Step = Progress;

/** An update as followed. */
export interface Timeline {
  readonly operation: Operation;
  /** By the resource's URN and what is done to it, in the order they began. */
  readonly steps: ReadonlyMap<string, Step>;
  readonly messages: readonly Message[];
}

export const emptyTimeline = (operation: Operation): Timeline => ({
  operation,
  steps: new Map(),
  messages: [],
});

/** The course after a step's event; the same one again changes nothing. */
export function withProgress(course: Timeline, step: Progress): Timeline {
  return { ...course, steps: new Map(course.steps).set(`${step.op} ${step.urn}`, step) };
}

/** The course after a message of the engine. */
export const withMessage = (course: Timeline, message: Message): Timeline => ({
  ...course,
  messages: [...course.messages, message],
});

const ENDED = ["succeeded", "failed", "interrupted"];

export const hasEnded = ({ state }: Pick<Operation, "state">): boolean => ENDED.includes(state);

/** How far an update is; without `max` nobody knows yet how much there is to do. */
export interface Share {
  readonly value: number;
  readonly max: number | undefined;
  readonly text: string;
}

/** How far an update is: whichever of the operation and its steps knows of more. */
export function shareOf({ operation, steps }: Timeline): Share {
  const done = Math.max(
    operation.done,
    [...steps.values()].filter((step) => step.status === "done" && step.op !== "same").length,
  );
  const { total } = operation;
  if (operation.state === "succeeded") {
    const count = total ?? done;
    return { value: 1, max: 1, text: count === 1 ? "1 resource" : `${count} resources` };
  }
  if (!total) return { value: 0, max: undefined, text: done > 0 ? `${done} done` : "" };
  return { value: Math.min(done, total), max: total, text: `${Math.min(done, total)} of ${total}` };
}

/** For how long an update that has ended is still shown, in milliseconds: what went well is soon in the list of projects. */
export const SHOWN_AFTER_END = { succeeded: 60_000, failed: 10 * 60_000 } as const;
/** So many of those that went well are shown at most: one update may do what many people asked for. */
const MAX_SUCCEEDED_SHOWN = 3;

/** The updates worth showing, newest first: under way, or ended a short while ago, less those that were put away. */
export function visibleOperations(
  operations: readonly Operation[],
  now: number,
  putAway: ReadonlySet<string>,
): Operation[] {
  let succeededSoFar = 0;
  return operations
    .filter((operation) => {
      if (!hasEnded(operation)) return true;
      const ended = Date.parse(operation.endedAt ?? operation.createdAt);
      const { succeeded, failed } = SHOWN_AFTER_END;
      const patience = operation.state === "succeeded" ? succeeded : failed;
      return !putAway.has(operation.id) && now - ended < patience;
    })
    .sort((one, other) => Date.parse(other.createdAt) - Date.parse(one.createdAt))
    .filter(({ state }) => state !== "succeeded" || ++succeededSoFar <= MAX_SUCCEEDED_SHOWN);
}

/** Who last changed a project since some time, out of the list of updates; undefined when it was none of them. */
export function changedBy(
  operations: readonly Operation[],
  project: string,
  since: number,
): string | undefined {
  return operations
    .filter(({ project: of, createdAt }) => of === project && Date.parse(createdAt) >= since)
    .sort((one, other) => Date.parse(other.createdAt) - Date.parse(one.createdAt))[0]?.person;
}
