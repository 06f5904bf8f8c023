import { plainText } from "../../config/text/plain.ts";
import { record } from "../state/checkpoint.ts";

/** Parses the engine's events. Keeps names and paths only, never a property's value, which may be secret. */

/** A step of the engine: one resource. */
export interface StepEvent {
  readonly kind: "step";
  readonly status: "started" | "done" | "failed";
  /** `create`, `update`, `same`, `refresh` … in the engine's terms. */
  readonly op: string;
  readonly urn: string;
  /** `docker:index/container:Container`. */
  readonly type: string;
  /** Its name in its cloud or in Docker, otherwise in the program. */
  readonly name: string;
  /** URN of its component. */
  readonly parent?: string;
  /** False for a component, which has no resource of its own. */
  readonly isCustom: boolean;
  /** Paths of the changed properties. */
  readonly properties: readonly string[];
}

/** A message of the engine, a provider or the program. */
export interface DiagnosticEvent {
  readonly kind: "diagnostic";
  /** `error`, `warning`, `info`, `info#err`, `debug`. */
  readonly severity: string;
  /** The resource that it is about; absent if it is about the whole update. */
  readonly urn?: string;
  /** Without the engine's colour codes. */
  readonly text: string;
}

export type EngineEvent = StepEvent | DiagnosticEvent;

/** Parses one event, as JSON; undefined for other kinds of events. */
export function readEvent(event: unknown): EngineEvent | undefined {
  const { resourcePreEvent, resOutputsEvent, resOpFailedEvent, diagnosticEvent } = record(event);
  if (resourcePreEvent) return readStep("started", resourcePreEvent);
  if (resOutputsEvent) return readStep("done", resOutputsEvent);
  if (resOpFailedEvent) return readStep("failed", resOpFailedEvent);
  return diagnosticEvent ? readDiagnostic(diagnosticEvent) : undefined;
}

/** A message of the engine without its colour codes, and without what a container's log, which it may quote, has of its own. */
export const plain = (message: string): string => plainText(message.replace(/<\{%[^%]*%\}>/g, "")).trim();

/** Whether an error only repeats that the update failed. */
export const isRepeatedError = (text: string): boolean =>
  /^(update|preview|refresh|destroy) (failed|canceled)$/.test(text);

/** Whether an error reports a canceled update, as after Ctrl-C. */
export const isCancellation = (text: string): boolean => isRepeatedError(text) && text.endsWith("canceled");

function readStep(status: StepEvent["status"], event: unknown): StepEvent | undefined {
  const { op, urn, type, old, new: present, diffs, detailedDiff } = record(record(event).metadata);
  if (typeof op !== "string" || typeof urn !== "string" || typeof type !== "string") return undefined;
  const state = record(present ?? old);
  const parent = state.parent ?? record(old).parent;
  const { name } = record(state.inputs);
  const paths = Object.keys(record(detailedDiff));
  return {
    kind: "step",
    status,
    op,
    urn,
    type,
    name: typeof name === "string" ? name : (urn.split("::").pop() ?? urn),
    ...(typeof parent === "string" && parent ? { parent } : {}),
    isCustom: state.custom === true,
    properties: paths.length > 0 ? paths : Array.isArray(diffs) ? diffs.map(String) : [],
  };
}

function readDiagnostic(event: unknown): DiagnosticEvent | undefined {
  const { severity, message, urn } = record(event);
  if (typeof severity !== "string" || typeof message !== "string") return undefined;
  return {
    kind: "diagnostic",
    severity,
    ...(typeof urn === "string" && urn ? { urn } : {}),
    text: plain(message),
  };
}
