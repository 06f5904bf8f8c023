/** Types shared by the panel's stack side and its HTTP side. */
import type * as z from "zod";
import type { projectsFile } from "../../../config/projects/file-schema.ts";
import type { MessageData, ProgressData } from "../../../operate/engine/update-events.ts";

export type { MessageData, ProgressData };

/** An entry of projects.yaml as written, without defaults. */
export type Entry = z.input<typeof projectsFile>["projects"][number];

/** New values for keys of an entry; null removes a key. The name can't be changed. */
export type EntryValues = { readonly [Key in keyof Entry]?: Entry[Key] | null };

/** One change of projects.yaml. */
export type Edit =
  | { readonly kind: "add"; readonly entry: Entry }
  | { readonly kind: "change"; readonly name: string; readonly values: EntryValues }
  /** Sets `opencode.version`, and keeps the other keys of `opencode`. */
  | { readonly kind: "release"; readonly name: string; readonly version: string }
  | { readonly kind: "remove"; readonly name: string };

/** The author of a request. */
export interface Person {
  readonly email: string;
  readonly name?: string;
  readonly kind: "person" | "machine" | "local";
  readonly admin: boolean;
  /** When their sign-in ends, in milliseconds since 1970; undefined for one that does not. */
  readonly expiresAt?: number;
}

/** The person's version is stale, or others changed the same (HTTP 409). */
export class Conflict extends Error {
  override readonly name = "Conflict";
  /** The file's current version, if known. */
  readonly currentVersion: string | undefined;
  /** The operation that made that version; undefined for a change outside the panel. */
  readonly by: Operation | undefined;

  constructor(
    message: string,
    more: { readonly currentVersion?: string; readonly by?: Operation | undefined } = {},
  ) {
    super(message);
    this.currentVersion = more.currentVersion;
    this.by = more.by;
  }
}

/** Unknown entry or operation (HTTP 404). */
export class NotFound extends Error {
  override readonly name = "NotFound";
}

/** The panel is shutting down (HTTP 503). */
export class ShuttingDown extends Error {
  override readonly name = "ShuttingDown";
}

export type OperationState = "queued" | "running" | "succeeded" | "failed" | "interrupted";

/** A requested change and its progress. Times are ISO 8601. */
export interface Operation {
  readonly id: string;
  /** `create web-shop`. */
  readonly what: string;
  readonly project?: string;
  /** E-mail address of its author. */
  readonly person: string;
  readonly state: OperationState;
  readonly createdAt: string;
  /** Start of its update. */
  readonly startedAt?: string;
  readonly endedAt?: string;
  /** Estimated steps of its update (update.ts); undefined while unknown. */
  readonly total?: number;
  /** Finished steps, at most `total`. */
  readonly done: number;
  /** Why it failed. */
  readonly error?: string;
  /** Whether it is no update, but work of the storage program: `done` of `total` is then a percentage. Default: no. */
  readonly isWork?: boolean;
}

/** An event of an operation. `id` counts from 1 within one operation. */
export type OperationEvent = { readonly id: number } & (
  | { readonly event: "progress"; readonly data: ProgressData }
  | { readonly event: "message"; readonly data: MessageData }
  | { readonly event: "state"; readonly data: Operation }
);

/** A request for an operation. */
export interface OperationRequest {
  readonly person: Person;
  /** Label for lists: `create web-shop`. */
  readonly what: string;
  readonly project?: string;
  readonly edit?: Edit;
  /** The version of projects.yaml it is based on; not checked if undefined. */
  readonly version?: string;
  /** Values for secrets of `project`, by name. */
  readonly secrets?: Readonly<Record<string, string>>;
  /** The project whose own secrets `project` gets as well. */
  readonly secretsOf?: string;
  /**
   * Called under the file's lock, with the very text that is edited, and with what others have pushed meanwhile. Throws if the person may not do
   * this to it.
   */
  readonly authorize?: (text: string) => void;
  /** Done once the change has been checked, before projects.yaml is edited. If it throws, nothing is changed. */
  readonly atOnce?: () => Promise<void>;
  /** Undoes what `atOnce` did, if the edit then fails. */
  readonly undoAtOnce?: () => Promise<void>;
  /**
   * Called after a successful update, before the operation ends. If it throws, the operation fails. It may take long: others don't wait for it.
   * The panel's end waits for it, but for what it does by `whileOpen`.
   * @param report receives how far it is
   */
  readonly afterwards?: (report: Report, whileOpen: WhileOpen) => Promise<void>;
  /**
   * What the operation is instead of an update: others don't wait for it, nor it for them. If it throws, the operation fails. At the panel's end it is
   * left to itself.
   */
  readonly work?: (tools: WorkTools) => Promise<void>;
}

/** Receives a line for people, and how far it is: 0 to 100, where that is known. */
export type Report = (text: string, percent?: number) => void;

/**
 * Does what goes on without the panel, as a backup does, and waits for it no longer than the panel runs.
 * @throws ShuttingDown at the panel's end, whatever becomes of it: the operation is then interrupted, and what would follow is not done
 */
export type WhileOpen = <Value>(work: () => Promise<Value>) => Promise<Value>;

/** What an operation's work has. */
export interface WorkTools {
  readonly report: Report;
  /** Runs another operation to its end. */
  readonly run: (request: OperationRequest) => Promise<Operation>;
}

/**
 * The queue of operations. One update runs at a time; operations submitted meanwhile share the next one. An operation that gives a project
 * another release of opencode goes on beside the queue until the project has changed it.
 */
export interface Operations {
  /**
   * Changes projects.yaml at once and queues an update.
   * @throws UserError for an invalid result, Conflict, NotFound, ShuttingDown; nothing is changed then
   */
  submit(request: OperationRequest): Promise<Operation>;
  get(id: string): Operation | undefined;
  /** All operations, newest first. */
  list(): Operation[];
  /** An operation's events after an id, then new ones, until it ends. @throws NotFound */
  events(id: string, after?: number): AsyncIterable<OperationEvent>;
  /** Call once at the start: marks interrupted operations and runs one update to recover. */
  recover(): Promise<void>;
  /** Refuses new operations, interrupts a running update as Ctrl-C does, and waits for its end. */
  close(): Promise<void>;
}
