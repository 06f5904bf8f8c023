/** Runs updates of a stack and follows their events. */
import { tmpdir } from "node:os";
import { readStackSettings } from "../../config/check.ts";
import { fail } from "../../config/errors.ts";
import { PROJECT_TYPE } from "../../config/naming/urns.ts";
import { capitalised } from "../../config/text/show.ts";
import { imagesOfState, removeImagesAfterUpdate } from "../docker/old-images.ts";
import type { Deployment } from "../state/checkpoint.ts";
import { describeLock, lockStatus, readLocks } from "../state/lock.ts";
import { readStateIfAny } from "../state/state.ts";
import type { Change } from "./changes.ts";
import { PROJECT, root } from "./checkout.ts";
import { newLogFile, pruneLogs } from "./logs.ts";
import { prepareStack } from "./prepare.ts";
import { prepareCommand } from "./prepare-command.ts";
import { type EngineOptions, runEngine } from "./runner.ts";
import type { Session } from "./session.ts";
import { makeRedactor, printedErrors } from "./update-errors.ts";
import type { RunUpdate, UpdateEvent, UpdateOutcome } from "./update-events.ts";
import { onlyProject, refusalIn } from "./update-one.ts";
import { UpdateProgress } from "./update-progress.ts";

/** Verbs that change the stack. */
export type UpdateVerb = "up" | "refresh" | "destroy";

export interface UpdateOptions extends Omit<EngineOptions, "onEvent" | "diff"> {
  /** Estimated number of steps. Default: unknown. */
  readonly expectedSteps?: number;
  /** Redacts errors and messages. Default: nothing. */
  readonly redact?: (text: string) => string;
  readonly onUpdateEvent?: (event: UpdateEvent) => void;
}

export interface UpdateOrThrowOptions extends UpdateOptions {
  /** Throws a more specific error, if it has one. */
  readonly onFailure?: (report: UpdateReport) => void;
}

/** The result of an update. */
export interface UpdateReport {
  readonly outcome: UpdateOutcome;
  /** What was changed, whatever the outcome. */
  readonly changes: readonly Change[];
  /** Why it failed, as the engine reports it; empty if it succeeded. */
  readonly errors: readonly string[];
}

/** Runs one update to its end. A failure is an outcome; only an unusable CLI throws. */
export async function runUpdate(
  session: Session,
  verb: UpdateVerb,
  { expectedSteps, redact = (text) => text, onUpdateEvent, ...options }: UpdateOptions = {},
): Promise<UpdateReport> {
  const progress = new UpdateProgress(expectedSteps, session.stack);
  const result = await runEngine(session, verb, {
    ...options,
    onEvent: (event) => {
      for (const each of progress.apply(event)) onUpdateEvent?.(redactEvent(each, redact));
    },
  });
  const { changes } = progress;
  if (result.code === 0) return { outcome: { state: "succeeded" }, changes, errors: [] };
  const printed = printedErrors(result);
  const errors = (progress.errors.length > 0 ? progress.errors : [printed]).map(redact);
  // Without an exit code, the engine was ended by a signal.
  const isInterrupted = options.signal?.aborted || progress.isCanceled || result.code === null;
  if (result.isBusy) return { outcome: { state: "busy", by: "Someone else" }, changes, errors };
  if (isInterrupted) return { outcome: { state: "interrupted" }, changes, errors };
  return { outcome: progress.outcome(printed, redact), changes, errors };
}

/**
 * Runs one update with a log of the engine's output, for a terminal or a pipeline.
 * @returns the changes
 * @throws UserError with the engine's errors and the log's path if it failed
 */
export async function updateOrThrow(
  session: Session,
  verb: UpdateVerb,
  { onFailure, ...options }: UpdateOrThrowOptions = {},
): Promise<readonly Change[]> {
  const logFile = newLogFile(verb);
  try {
    const report = await runUpdate(session, verb, { ...options, logFile });
    const { outcome, changes, errors } = report;
    const where = `pulumi ${verb}`;
    if (outcome.state === "succeeded") return changes;
    onFailure?.(report);
    if (outcome.state === "interrupted") fail("engine", where, "was interrupted", "run it again to continue");
    const kind = outcome.state === "busy" ? "conflict" : "engine";
    return fail(kind, where, `failed:\n${errors.join("\n")}\nFull log: ${logFile}`);
  } finally {
    pruneLogs();
  }
}

export interface PanelUpdateParts {
  /** Number of entries in projects.yaml, for the estimate of steps. */
  readonly countEntries: () => number;
  /** Whether this process is in the panel's container of the stack, which an update must not replace. */
  readonly isContainer?: boolean;
  /** Values that must not be in a message, whatever its source. */
  readonly secretValues: () => Iterable<string>;
}

/**
 * Makes the function that runs `pulumi up` for the panel. It first repairs an interrupted update. It
 * continues with
 * other projects when one fails, updates a single project if only that has changed, and refreshes the state
 * first
 * (`--refresh`), since the panel starts and stops containers in Docker.
 */
export function makeUpdate(session: Session, parts: PanelUpdateParts): RunUpdate {
  return async (onUpdateEvent, signal, project) => {
    const holder = lockHolder(session);
    if (holder) return { state: "busy", by: holder };
    await prepareStack(session, "plain");
    await prepareCommand(session, "up", {
      progress: "plain",
      notify: (text) => onUpdateEvent({ kind: "message", data: { severity: "info", text } }),
    });
    if (signal.aborted) return { state: "interrupted" };
    const began = new Date();
    // Those that the projects had stay until the next update: somebody may take one back to the release that it had.
    const before = imagesOfState(await readStateIfAny(session));
    const options: UpdateOptions = {
      refresh: true,
      continueOnError: true,
      redact: makeRedactor(root, tmpdir(), parts.secretValues),
      signal,
      onUpdateEvent,
    };
    const alone =
      project && (await runUpdate(session, "up", { ...options, ...onlyProject(session, project) }));
    const { outcome } =
      alone && refusalIn(alone) === undefined
        ? alone
        : await runUpdate(session, "up", {
            ...options,
            excluded: parts.isContainer ? [urnOfPanel(session)] : [],
            expectedSteps: estimateSteps(await readStateIfAny(session), parts.countEntries()),
          });
    if (outcome.state === "succeeded")
      await removeImagesAfterUpdate(
        session,
        readStackSettings(root, session.stack),
        (text) => onUpdateEvent({ kind: "message", data: { severity: "info", text } }),
        before,
        began,
      );
    return outcome.state === "interrupted" && !signal.aborted ? CANCELED : outcome;
  };
}

/** Canceled by another process while the panel keeps running. */
const CANCELED: UpdateOutcome = {
  state: "failed",
  reason: "The update was canceled",
  failureOf: () => "The update was canceled",
};

/** URN of the container in components/panel/panel.ts. */
const urnOfPanel = ({ stack }: Session): string =>
  `urn:pulumi:${stack}::${PROJECT}::opencode:platform:Panel$docker:index/container:Container::panel`;

/** Who is updating the stack, where its locks are visible. */
function lockHolder({ backend: { folder }, stack }: Session): string | undefined {
  const held = folder && readLocks(folder, PROJECT, stack).find((lock) => lockStatus(lock) === "held");
  return held ? capitalised(describeLock(held)) : undefined;
}

/** Resources per project, for a stack that has none yet. */
const RESOURCES_OF_PROJECT = 3;

/** Every resource is refreshed and then compared; a new project has as many as an existing one. */
export function estimateSteps(deployment: Deployment | undefined, entries: number): number {
  const resources = (deployment?.resources ?? []).filter(
    ({ type, id }) => id !== undefined && !type.startsWith("pulumi:"),
  );
  const isOfProject = ({ urn }: { urn: string }) => urn.includes(`${PROJECT_TYPE}$`);
  const projects = (deployment?.resources ?? []).filter(({ type }) => type === PROJECT_TYPE).length;
  const each = projects > 0 ? resources.filter(isOfProject).length / projects : RESOURCES_OF_PROJECT;
  return Math.round(2 * resources.length + Math.max(entries - projects, 0) * each);
}

function redactEvent(event: UpdateEvent, redact: (text: string) => string): UpdateEvent {
  if (event.kind !== "message") return event;
  return { kind: "message", data: { ...event.data, text: redact(event.data.text) } };
}
