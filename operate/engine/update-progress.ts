/** Follows an update by the engine's events: for a progress bar, for people, and for each project. */
import { nameOfUrn, projectOfUrn } from "../../config/naming/urns.ts";
import { type Change, changeOf, pastTense, presentTense } from "./changes.ts";
import {
  type DiagnosticEvent,
  isCancellation,
  isRepeatedError,
  readEvent,
  type StepEvent,
} from "./events.ts";
import { joinErrors } from "./update-errors.ts";
import type { ProgressData, StepCount, UpdateEvent, UpdateOutcome } from "./update-events.ts";

const CONTAINER_TYPE = "docker:index/container:Container";

/** The program's error for a resource that failed: that one's own error has the reason. */
const DEPENDENT_ERROR = /resource (\S+) \[[^\]]+\] failed to register/;

/** Follows one update. */
export class UpdateProgress {
  readonly #expected: number | undefined;
  readonly #parents = new Map<string, string>();
  /** Projects whose container is as it should be, and those whose container is gone. */
  readonly #reached = new Set<string>();
  readonly #removed = new Set<string>();
  /** Names of resources that failed. */
  readonly #failed = new Set<string>();
  /** Errors by project; those of `undefined` are of what all share. */
  readonly #errors = new Map<string | undefined, string[]>();
  readonly #changes: Change[] = [];
  #isCanceled = false;
  #started = 0;
  #done = 0;

  /** @param expected about how many steps there will be */
  constructor(expected?: number) {
    this.#expected = expected;
  }

  /** What has been changed, in the order in which it was done. */
  get changes(): readonly Change[] {
    return this.#changes;
  }

  /** Each error once, as the engine reports it. */
  get errors(): readonly string[] {
    return [...new Set([...this.#errors.values()].flat())];
  }

  /** Whether the engine has reported that it was canceled, and nothing else that failed. */
  get isCanceled(): boolean {
    return this.#isCanceled && this.errors.length === 0;
  }

  /** Takes one event of the engine, in JSON; returns what there is to report. */
  apply(event: unknown): UpdateEvent[] {
    const read = readEvent(event);
    if (!read) return [];
    return read.kind === "step" ? this.#step(read) : this.#diagnose(read);
  }

  /**
   * How an update that did not succeed has ended.
   * @param output what the engine printed, for where no event has the reason
   * @param redact removes what nobody is to see
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
      this.#fail(project);
    }
    if (!project || status !== "done" || type !== CONTAINER_TYPE) return;
    if (op === "delete") this.#removed.add(project);
    else if (op !== "refresh" && op !== "delete-replaced") this.#reached.add(project);
  }

  #diagnose({ urn, severity, text }: DiagnosticEvent): UpdateEvent[] {
    if (severity === "error" && isCancellation(text)) this.#isCanceled = true;
    if (!text || isRepeatedError(text) || this.#failed.has(DEPENDENT_ERROR.exec(text)?.[1] ?? "")) return [];
    if (severity === "error") {
      this.#fail(urn === undefined ? undefined : projectOfUrn(urn, this.#parents), text);
      return [];
    }
    if (severity !== "warning" && severity !== "info") return [];
    return [{ kind: "message", data: { severity, text: text.slice(0, 500) } }];
  }

  #fail(project: string | undefined, text?: string): void {
    const errors = this.#errors.get(project) ?? [];
    if (text !== undefined) errors.push(text);
    this.#errors.set(project, errors);
  }
}
