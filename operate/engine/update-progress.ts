/** What an update's events mean: for a bar, for people, and for each project. */
import { nameOfUrn, projectOfUrn } from "../../config/naming/urns.ts";
import type { ProgressData } from "../../panel/server/platform/types.ts";
import { applyEvent, did, doing, noProgress, type Progress, plain } from "./events.ts";
import { told } from "./update-errors.ts";
import type { UpdateEvent, UpdateOutcome } from "./update-types.ts";

const CONTAINER_TYPE = "docker:index/container:Container";
/** Words of the engine that only repeat that there was an error. */
const REPETITION = /^(update|preview|refresh) (failed|canceled)$/;

/** The program's, for what was to be made of a resource that failed. */
const CONSEQUENCE = /resource (\S+) \[[^\]]+\] failed to register/;

type Fields = Readonly<Record<string, unknown>>;

interface Step {
  readonly urn: string;
  readonly type: string;
  readonly op: string;
  readonly parent?: string;
  readonly isCounted: boolean;
}

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
  #progress: Progress = noProgress;
  #done = 0;
  #begun = 0;

  /** @param expected about how many steps there will be */
  constructor(expected?: number) {
    this.#expected = expected;
  }

  /** Takes one event of the engine; answers what there is to tell. */
  apply(event: unknown): UpdateEvent[] {
    const { resourcePreEvent, resOutputsEvent, resOpFailedEvent, diagnosticEvent } = fields(event);
    const before = this.#progress;
    this.#progress = applyEvent(before, event);
    if (diagnosticEvent) return this.#diagnose(fields(diagnosticEvent));
    const status = resourcePreEvent ? "begun" : resOutputsEvent ? "done" : "failed";
    const step = readStep(resourcePreEvent ?? resOutputsEvent ?? resOpFailedEvent);
    if (!step) return [];
    if (step.parent) this.#parents.set(step.urn, step.parent);
    this.#judge(step, status);
    if (!step.isCounted) return [];
    if (status === "begun") this.#begun++;
    else this.#done++;
    const change = (status === "begun" ? this.#progress : before).running.get(step.urn);
    const data: ProgressData | undefined = change && {
      op: step.op,
      type: step.type,
      name: nameOfUrn(step.urn),
      urn: step.urn,
      status,
      message:
        status === "begun" ? doing(change) : status === "done" ? did(change) : `${doing(change)} failed`,
    };
    return [{ kind: "step", count: this.#count(), ...(data ? { data } : {}) }];
  }

  /** How an update that did not succeed has ended. `clean` takes out what nobody is to see. */
  outcome(said: string, clean: (text: string) => string): UpdateOutcome {
    const shared = this.#errors.get(undefined);
    const all = [...this.#errors.values()].flat();
    const reason = clean(told(all.length > 0 ? all : [said]));
    return {
      state: "failed",
      reason,
      failureOf: (project, isRemoval) => {
        if (project === undefined || shared || all.length === 0) return reason;
        const own = this.#errors.get(project);
        if (own) return clean(told(own));
        if ((isRemoval ? this.#removed : this.#reached).has(project)) return undefined;
        return `The update failed before it came to this: ${reason}`;
      },
    };
  }

  #count() {
    if (this.#expected === undefined) return { done: this.#done };
    return { done: this.#done, total: Math.max(this.#expected, this.#begun, this.#done) };
  }

  #judge({ urn, type, op }: Step, status: ProgressData["status"]): void {
    const project = projectOfUrn(urn, this.#parents);
    if (status === "failed") {
      this.#failed.add(nameOfUrn(urn));
      this.#fail(project);
    }
    if (!project || status !== "done" || type !== CONTAINER_TYPE) return;
    if (op === "delete") this.#removed.add(project);
    else if (op !== "refresh" && op !== "delete-replaced") this.#reached.add(project);
  }

  #diagnose({ urn, severity, message }: Fields): UpdateEvent[] {
    const text = plain(String(message ?? ""));
    if (!text || REPETITION.test(text) || this.#failed.has(CONSEQUENCE.exec(text)?.[1] ?? "")) return [];
    if (severity === "error") {
      this.#fail(typeof urn === "string" && urn ? projectOfUrn(urn, this.#parents) : undefined, text);
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

const fields = (value: unknown): Fields =>
  typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};

function readStep(event: unknown): Step | undefined {
  const { urn, type, op, new: after, old } = fields(fields(event).metadata);
  if (typeof urn !== "string" || typeof type !== "string" || typeof op !== "string") return undefined;
  const state = fields(after ?? old);
  return {
    urn,
    type,
    op,
    ...(typeof state.parent === "string" ? { parent: state.parent } : {}),
    isCounted: state.custom === true && !type.startsWith("pulumi:"),
  };
}
