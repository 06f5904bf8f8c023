/** Follows an update by the engine's events: for a progress bar, for people, and for each project. */
import { isEnvironmentImage, nameOfUrn, projectOfUrn } from "../../config/naming/urns.ts";
import { type Change, changeOf, pastTense, presentTense } from "./changes.ts";
import {
  type DiagnosticEvent,
  isCancellation,
  isRepeatedError,
  readEvent,
  type StepEvent,
} from "./events.ts";
import { buildRefusal, joinErrors } from "./update-errors.ts";
import type { ProgressData, StepCount, UpdateEvent, UpdateOutcome } from "./update-events.ts";

const CONTAINER_TYPE = "docker:index/container:Container";

/** The program's error for a failed resource, whose own error has the reason. */
const DEPENDENT_ERROR = /resource (\S+) \[[^\]]+\] failed to register/;

/** Follows one update. */
export class UpdateProgress {
  readonly #expected: number | undefined;
  readonly #stack: string | undefined;
  readonly #parents = new Map<string, string>();
  /** Projects whose container is done: up to date, or removed. */
  readonly #reached = new Set<string>();
  readonly #removed = new Set<string>();
  /** Names of failed resources. */
  readonly #failed = new Set<string>();
  /** Errors by project, or by an environment's image; `undefined` has those of shared resources. */
  readonly #errors = new Map<string | undefined, string[]>();
  /** By the image, why its build refuses what an entry says: some plugins show a build's output, and keep it out of the error. */
  readonly #refusals = new Map<string | undefined, string>();
  readonly #changes: Change[] = [];
  #isCanceled = false;
  #started = 0;
  #done = 0;

  /**
   * @param expected estimated number of steps
   * @param stack that is updated, for commands in messages. Default: this machine's
   */
  constructor(expected?: number, stack?: string) {
    this.#expected = expected;
    this.#stack = stack;
  }

  /** Changes made so far, in order. */
  get changes(): readonly Change[] {
    return this.#changes;
  }

  /** The engine's errors, without repetitions. */
  get errors(): readonly string[] {
    return [...new Set([...this.#errors.values()].flat())];
  }

  /** Whether the engine reported a cancellation, and no other failure. */
  get isCanceled(): boolean {
    return this.#isCanceled && this.errors.length === 0;
  }

  /** Processes one event of the engine, as JSON; returns what to report. */
  apply(event: unknown): UpdateEvent[] {
    const read = readEvent(event);
    if (!read) return [];
    return read.kind === "step" ? this.#step(read) : this.#diagnose(read);
  }

  /**
   * The outcome of a failed update.
   * @param output the engine's output, for when no event has the reason
   * @param redact removes secrets
   */
  outcome(output: string, redact: (text: string) => string): UpdateOutcome {
    const shared = this.#errors.get(undefined);
    const all = this.errors;
    const reason = redact(joinErrors(all.length > 0 ? all : [output]));
    return {
      state: "failed",
      reason,
      failureOf: (project, isRemoval) => {
        if (project === undefined || shared || all.length === 0) return reason;
        const own = this.#errors.get(project);
        if (own) return redact(joinErrors(own));
        if ((isRemoval ? this.#removed : this.#reached).has(project)) return undefined;
        return `The update failed before reaching this project: ${reason}`;
      },
    };
  }

  #step(step: StepEvent): UpdateEvent[] {
    const { status, op, type, urn } = step;
    if (step.parent) this.#parents.set(urn, step.parent);
    this.#recordOutcome(step);
    if (!step.isCustom || type.startsWith("pulumi:")) return [];
    if (status === "started") this.#started++;
    else this.#done++;
    const change = changeOf(step);
    if (!change) return [{ kind: "step", count: this.#count() }];
    if (status === "done") this.#changes.push(change);
    const data: ProgressData = {
      op,
      type,
      name: nameOfUrn(urn),
      urn,
      status: status === "started" ? "begun" : status,
      message:
        status === "started"
          ? presentTense(change)
          : status === "done"
            ? pastTense(change)
            : `${presentTense(change)} failed`,
    };
    return [{ kind: "step", count: this.#count(), data }];
  }

  #count(): StepCount {
    if (this.#expected === undefined) return { done: this.#done };
    return { done: this.#done, total: Math.max(this.#expected, this.#started, this.#done) };
  }

  #recordOutcome({ urn, type, op, status }: StepEvent): void {
    const project = projectOfUrn(urn, this.#parents);
    if (status === "failed") {
      this.#failed.add(nameOfUrn(urn));
      this.#fail(this.#ownerOf(urn));
    }
    // A project's services have containers too, which say nothing of its own.
    if (!project || status !== "done" || type !== CONTAINER_TYPE || nameOfUrn(urn) !== `${project}-container`)
      return;
    if (op === "delete") this.#removed.add(project);
    else if (op !== "refresh" && op !== "delete-replaced") this.#reached.add(project);
  }

  #diagnose({ urn, severity, text }: DiagnosticEvent): UpdateEvent[] {
    if (severity === "error" && isCancellation(text)) this.#isCanceled = true;
    if (!text || isRepeatedError(text) || this.#failed.has(DEPENDENT_ERROR.exec(text)?.[1] ?? "")) return [];
    const refusal = buildRefusal(text, this.#stack) ?? this.#refusals.get(urn);
    if (refusal !== undefined) this.#refusals.set(urn, refusal);
    if (severity === "error") {
      this.#fail(urn === undefined ? undefined : this.#ownerOf(urn), refusal ?? text);
      return [];
    }
    if (severity !== "warning" && severity !== "info") return [];
    return [{ kind: "message", data: { severity, text: text.slice(0, 500) } }];
  }

  /** The project of a resource; undefined for what all share. An environment's image is nobody else's matter than of the projects that wait for it. */
  #ownerOf(urn: string): string | undefined {
    return projectOfUrn(urn, this.#parents) ?? (isEnvironmentImage(urn) ? urn : undefined);
  }

  #fail(project: string | undefined, text?: string): void {
    const errors = this.#errors.get(project) ?? [];
    if (text !== undefined) errors.push(text);
    this.#errors.set(project, errors);
  }
}
