import { openSync, readSync, rmSync } from "node:fs";

/** A change of one resource, as it is told to a person. */
export interface Change {
  /** `create`, `update`, `delete`, `replace` … */
  op: string;
  /** `container opencode-project-web-shop`. */
  what: string;
}

/** What is known of an update while it runs. */
export interface Progress {
  /** Begun and not ended, by URN. */
  readonly running: ReadonlyMap<string, Change>;
  readonly done: readonly Change[];
  readonly errors: readonly string[];
  /** The last line that a resource said of itself, such as a step of an image's build. */
  readonly said: string;
}

export const noProgress: Progress = { running: new Map(), done: [], errors: [], said: "" };

const WORDS: Readonly<Record<string, readonly [doing: string, done: string]>> = {
  create: ["creating", "created"],
  "create-replacement": ["replacing", "replaced"],
  update: ["changing", "changed"],
  delete: ["removing", "removed"],
  "delete-replaced": ["removing the old", "removed the old"],
  import: ["importing", "imported"],
};

export const doing = ({ op, what }: Change): string => `${WORDS[op]?.[0] ?? op} ${what}`;
export const did = ({ op, what }: Change): string => `${WORDS[op]?.[1] ?? op} ${what}`;

/** Takes one event of the engine's log into account. */
export function applyEvent(progress: Progress, event: unknown): Progress {
  const { resourcePreEvent, resOutputsEvent, resOpFailedEvent, diagnosticEvent } = record(event);
  if (resourcePreEvent) return begin(progress, record(resourcePreEvent));
  if (resOutputsEvent) return end(progress, record(resOutputsEvent), true);
  if (resOpFailedEvent) return end(progress, record(resOpFailedEvent), false);
  return diagnosticEvent ? diagnose(progress, record(diagnosticEvent)) : progress;
}

/**
 * Reads what an event log has got since the last call; the engine writes one JSON object on each line. The log holds secrets in plain, so
 * its name is removed as soon as it is there: what was written goes with the engine and this process, however they end.
 */
export function eventReader(file: string): () => unknown[] {
  const chunk = Buffer.alloc(1 << 16);
  let handle: number | undefined;
  let rest = "";
  return () => {
    handle ??= openAndForget(file);
    if (handle === undefined) return []; // not written yet
    let text = rest;
    for (let got = readSync(handle, chunk); got > 0; got = readSync(handle, chunk))
      text += chunk.toString("utf8", 0, got);
    const lines = text.split("\n");
    rest = lines.pop() ?? "";
    return lines.flatMap(parseLine);
  };
}

/** How often an event log is read while the engine runs. */
const LOOK_MS = 200;

/** Runs the engine, while `hear` is given what its event log has got, some times in a second and once at the end. */
export async function whileHearing<T>(
  file: string,
  hear: (events: readonly unknown[]) => void,
  run: () => Promise<T>,
): Promise<T> {
  const read = eventReader(file);
  const timer = setInterval(() => hear(read()), LOOK_MS);
  try {
    const result = await run();
    hear(read());
    return result;
  } finally {
    clearInterval(timer);
    rmSync(file, { force: true });
  }
}

function openAndForget(file: string): number | undefined {
  try {
    const handle = openSync(file, "r");
    rmSync(file);
    return handle;
  } catch {
    return undefined;
  }
}

/** A message of the engine without its marks for colours. */
export const plain = (message: string): string => message.replace(/<\{%[^%]*%\}>/g, "").trim();

function begin(progress: Progress, { metadata }: Readonly<Record<string, unknown>>): Progress {
  const { urn, change } = changeOf(metadata);
  return change ? { ...progress, running: new Map(progress.running).set(urn, change) } : progress;
}

function end(
  progress: Progress,
  { metadata }: Readonly<Record<string, unknown>>,
  succeeded: boolean,
): Progress {
  const { urn, change } = changeOf(metadata);
  if (!change) return progress;
  const running = new Map(progress.running);
  running.delete(urn);
  return { ...progress, running, said: "", done: succeeded ? [...progress.done, change] : progress.done };
}

function diagnose(progress: Progress, { severity, message }: Readonly<Record<string, unknown>>): Progress {
  const text = plain(String(message ?? ""));
  if (severity === "error") return { ...progress, errors: [...progress.errors, text] };
  return severity === "info" && text ? { ...progress, said: text.split("\n").pop() ?? "" } : progress;
}

/** Components do nothing themselves, and steps that change nothing are not told. */
function changeOf(metadata: unknown): { urn: string; change: Change | undefined } {
  const { op, urn, type, new: after, old } = record(metadata);
  const state = record(after ?? old);
  const told =
    typeof op === "string" && op in WORDS && state.custom === true && !String(type).startsWith("pulumi:");
  if (!told) return { urn: String(urn), change: undefined };
  const kind =
    String(type)
      .split(":")
      .pop()
      ?.replace(/(?<=[a-z])(?=[A-Z])/g, " ")
      .toLowerCase() ?? "";
  const name = record(state.inputs).name ?? String(urn).split("::").pop();
  return { urn: String(urn), change: { op: String(op), what: `${kind} ${String(name)}` } };
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

function parseLine(line: string): unknown[] {
  try {
    return [JSON.parse(line)];
  } catch {
    return [];
  }
}
