import { record } from "../state/checkpoint.ts";

/** The one reader of the engine's events. Of a resource it keeps names and paths alone, no property's value: those may be secret. */

/** A resource that the engine comes to. */
export interface StepEvent {
  readonly kind: "step";
  readonly status: "started" | "done" | "failed";
  /** `create`, `update`, `same`, `refresh` … as the engine calls it. */
  readonly op: string;
  readonly urn: string;
  /** `docker:index/container:Container`. */
  readonly type: string;
  /** What it is called where it runs, else in the program. */
  readonly name: string;
  /** URN of the component that it belongs to. */
  readonly parent?: string;
  /** False for a component, which does nothing itself. */
  readonly isCustom: boolean;
  /** Paths of the properties that differ. */
  readonly properties: readonly string[];
}

/** Something that the engine, a provider or the program reports. */
export interface DiagnosticEvent {
  readonly kind: "diagnostic";
  /** `error`, `warning`, `info`, `info#err`, `debug`. */
  readonly severity: string;
  /** The resource that it is about; absent where it is about the whole update. */
  readonly urn?: string;
  /** Without the engine's marks for colours. */
  readonly text: string;
}

export type EngineEvent = StepEvent | DiagnosticEvent;

/** Reads one event, as the engine sends it in JSON; undefined for what is neither a step nor a diagnostic. */
export function readEvent(event: unknown): EngineEvent | undefined {
  const { resourcePreEvent, resOutputsEvent, resOpFailedEvent, diagnosticEvent } = record(event);
  if (resourcePreEvent) return readStep("started", resourcePreEvent);
  if (resOutputsEvent) return readStep("done", resOutputsEvent);
  if (resOpFailedEvent) return readStep("failed", resOpFailedEvent);
  return diagnosticEvent ? readDiagnostic(diagnosticEvent) : undefined;
}

/** A message of the engine without its marks for colours. */
export const plain = (message: string): string => message.replace(/<\{%[^%]*%\}>/g, "").trim();

/** Whether an error only repeats that there was one. */
export const isRepeatedError = (text: string): boolean =>
  /^(update|preview|refresh|destroy) (failed|canceled)$/.test(text);

/** Whether an error reports that the update was canceled, as by Ctrl-C. */
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
