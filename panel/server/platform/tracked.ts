/** An operation in the queue: its record, its events, and what follows from them. */
import { randomBytes } from "node:crypto";
import type { UpdateEvent, UpdateOutcome } from "../../../operate/engine/update-events.ts";
import type { EventLog } from "./event-log.ts";
import type { JournalRecord } from "./journal.ts";
import type { Operation, OperationRequest, Report } from "./types.ts";

/** Milliseconds between two `state` events while an update runs. */
const PROGRESS_INTERVAL_MS = 500;

/** An operation of this process or a previous one. */
export interface Tracked {
  record: JournalRecord;
  readonly log: EventLog;
  readonly afterwards?: OperationRequest["afterwards"];
}

/** The project of a batch if all operations are of that one project and none removes it. */
export function onlyProjectOf(batch: readonly Tracked[]): string | undefined {
  const [project, ...others] = new Set(batch.map(({ record }) => record.project));
  const isRemoved = batch.some(({ record }) => record.isRemoval);
  return others.length > 0 || isRemoved ? undefined : project;
}

/** Forwards an update's events to all operations of a batch. */
export function forwardEvents(batch: readonly Tracked[]): (event: UpdateEvent) => void {
  let sentAt = Number.NEGATIVE_INFINITY;
  return (event) => {
    if (event.kind === "message") {
      for (const { log } of batch) log.push({ event: "message", data: event.data });
      return;
    }
    const isTime = performance.now() - sentAt > PROGRESS_INTERVAL_MS;
    if (isTime) sentAt = performance.now();
    for (const tracked of batch) {
      // Counts are not written to disk: they are meaningless after a crash.
      tracked.record = { ...tracked.record, ...event.count };
      if (event.data) tracked.log.push({ event: "progress", data: event.data });
      if (isTime) tracked.log.push({ event: "state", data: toOperation(tracked.record) });
    }
  };
}

/** Writes how far an operation is to its events; a percentage is its count, which is not written to disk. */
export function reporterOf(tracked: Tracked): Report {
  let said = "";
  return (text, percent) => {
    if (percent !== undefined && tracked.record.isWork) {
      tracked.record = { ...tracked.record, done: Math.round(percent), total: 100 };
      tracked.log.push({ event: "state", data: toOperation(tracked.record) });
    }
    if (text !== said) tracked.log.push({ event: "message", data: { severity: "info", text } });
    said = text;
  };
}

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Whether it is queued or running. */
export const isUnderWay = ({ state }: JournalRecord): boolean => state === "queued" || state === "running";

/** The error of an operation that a crash or shutdown has ended. */
export function reasonOfInterruption({ hasAfterwards, isWork }: JournalRecord): string {
  if (isWork)
    return "The panel was stopped meanwhile. What the storage program had begun goes on without it: look at the project's backups before you repeat it.";
  if (hasAfterwards)
    return "The panel was stopped meanwhile. A new update now applies projects.yaml. The steps after the update were not finished: repeat the operation.";
  return "The panel was stopped during the update. A new update now applies projects.yaml.";
}

/** The same while the panel ends: the next start recovers it (`recover`), but for what comes after an update, which no file can hold. */
export function reasonOfSuspension(record: JournalRecord): string {
  if (record.isWork) return reasonOfInterruption(record);
  if (record.hasAfterwards)
    return "The panel was stopped meanwhile. An update at the next start applies projects.yaml. The steps after the update were not finished: repeat the operation.";
  return "The panel was stopped during the update. It continues at the next start.";
}

/** The record of a request that is queued. */
export const newRecord = (
  { person, what, project, edit, afterwards, work }: OperationRequest,
  { version, follows = [] }: Pick<JournalRecord, "version" | "follows">,
): JournalRecord => ({
  id: newId(),
  what,
  ...(project === undefined ? {} : { project }),
  person: person.email,
  state: "queued",
  createdAt: now(),
  done: 0,
  ...(afterwards ? { hasAfterwards: true } : {}),
  ...(edit?.kind === "remove" ? { isRemoval: true } : {}),
  ...(work ? { isWork: true } : {}),
  ...(follows.length > 0 ? { follows } : {}),
  ...(version === undefined ? {} : { version }),
});

export function failedToStart(error: unknown): UpdateOutcome {
  const reason = messageOf(error);
  return { state: "failed", reason, failureOf: () => reason };
}

/** The operation as others see it. */
export function toOperation({
  hasAfterwards: _,
  isRemoval: __,
  follows: ___,
  version: ____,
  ...operation
}: JournalRecord): Operation {
  return operation;
}

export const now = (): string => new Date().toISOString();

/** An id that sorts by time: `20260131T120005123-9f3a61c2`. */
const newId = (): string => `${now().replace(/[-:.Z]/g, "")}-${randomBytes(4).toString("hex")}`;
