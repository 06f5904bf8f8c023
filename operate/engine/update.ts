/** Updates of a stack, followed by their events. */
import { tmpdir } from "node:os";
import { fail } from "../../config/errors.ts";
import { PROJECT_TYPE } from "../../config/naming/urns.ts";
import { capitalised } from "../../config/text/show.ts";
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
  /** About how many steps there will be. Default: unknown. */
  readonly expectedSteps?: number;
  /** Removes what nobody is to see from errors and messages. Default: nothing. */
  readonly redact?: (text: string) => string;
  readonly onUpdateEvent?: (event: UpdateEvent) => void;
}

export interface UpdateOrThrowOptions extends UpdateOptions {
  /** Throws a better error than the one with all that the engine reports, where it knows one. */
  readonly onFailure?: (report: UpdateReport) => void;
}

/** An update that has ended. */
export interface UpdateReport {
  readonly outcome: UpdateOutcome;
  /** What has been changed, whatever the outcome. */
  readonly changes: readonly Change[];
  /** Why it did not succeed, as the engine reports it; empty where it succeeded. */
  readonly errors: readonly string[];
}

/** Runs one update to its end. What fails in it is an outcome; only a CLI that can't be used throws. */
export async function runUpdate(
  session: Session,
  verb: UpdateVerb,
  { expectedSteps, redact = (text) => text, onUpdateEvent, ...options }: UpdateOptions = {},
): Promise<UpdateReport> {
  const progress = new UpdateProgress(expectedSteps);
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
  // Without a code a signal has ended the engine itself.
  const isInterrupted = options.signal?.aborted || progress.isCanceled || result.code === null;
  if (result.isBusy) return { outcome: { state: "busy", by: "Someone else" }, changes, errors };
  if (isInterrupted) return { outcome: { state: "interrupted" }, changes, errors };
  return { outcome: progress.outcome(printed, redact), changes, errors };
}

/**
 * Runs one update with a log of what the engine prints, for a person at a terminal or a pipeline.
 * @returns what it has changed
 * @throws UserError where it did not succeed, with the engine's errors and the log's path
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
  /** How many entries projects.yaml has: for the estimate of how many steps there are. */
  readonly countEntries: () => number;
  /** Whether this process is in the stack's own container of the panel, which an update must not replace under it. */
  readonly isContainer?: boolean;
  /** Values that must not be in a message, whoever it comes from. */
  readonly secretValues: () => Iterable<string>;
}

/**
 * Makes the function that runs one `pulumi up` of a stack for the panel. What an engine that was killed has left is repaired before. It
 * continues with other projects when one fails, updates the one project that has changed where nothing else has, and reads first what is really there (`--refresh`), since containers are started and
 * stopped by Docker alone.
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
    return outcome.state === "interrupted" && !signal.aborted ? CANCELED : outcome;
  };
}

/** Canceled by another process, while the panel runs on. */
const CANCELED: UpdateOutcome = {
  state: "failed",
  reason: "The update was canceled",
  failureOf: () => "The update was canceled",
};

/** The container of components/panel/panel.ts. */
const urnOfPanel = ({ stack }: Session): string =>
  `urn:pulumi:${stack}::${PROJECT}::opencode:platform:Panel$docker:index/container:Container::panel`;

/** Who updates the stack now, where its locks can be seen. */
function lockHolder({ backend: { folder }, stack }: Session): string | undefined {
  const held = folder && readLocks(folder, PROJECT, stack).find((lock) => lockStatus(lock) === "held");
  return held ? capitalised(describeLock(held)) : undefined;
}

/** How many resources a project has, where the stack has none yet to count them by. */
const RESOURCES_OF_PROJECT = 3;

/** Every resource is read and then compared; a new project has as many as an existing one. */
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
