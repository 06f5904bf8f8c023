/** What the stack side of the panel and the rest of it meet at. */
import type * as z from "zod";
import type { projectsFile } from "../../../config/projects/file-schema.ts";
import type { MessageData, ProgressData } from "../../../operate/engine/update-events.ts";

export type { MessageData, ProgressData };

/** An entry of projects.yaml as it is written: nothing merged in, nothing filled in. */
export type Entry = z.input<typeof projectsFile>["projects"][number];

/** Values for keys of an entry; null takes a key out. The name is what an entry is known by and stays. */
export type EntryValues = { readonly [Key in keyof Entry]?: Entry[Key] | null };

/** One change of projects.yaml. */
export type Edit =
  | { readonly kind: "add"; readonly entry: Entry }
  | { readonly kind: "change"; readonly name: string; readonly values: EntryValues }
  | { readonly kind: "remove"; readonly name: string };

/** Who asks for something. */
export interface Person {
  readonly email: string;
  readonly name?: string;
  readonly kind: "person" | "machine" | "local";
  readonly admin: boolean;
}

/** The file is not what the person had seen (HTTP 409). */
export class Conflict extends Error {
  override readonly name = "Conflict";
  /** The file's version now, where it is that of a change that can be told. */
  readonly currentVersion: string | undefined;
  /** The operation that has made that version; none where `present` was made outside the panel. */
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

/** There is no entry, or no operation, of that name (HTTP 404). */
export class NotFound extends Error {
  override readonly name = "NotThere";
}

/** The panel is being ended and takes nothing more (HTTP 503). */
export class ShuttingDown extends Error {
  override readonly name = "Ending";
}

export type OperationState = "queued" | "running" | "succeeded" | "failed" | "interrupted";

/** Something that somebody has asked for, and how far it is. Times are ISO 8601. */
export interface Operation {
  readonly id: string;
  /** `create web-shop`. */
  readonly what: string;
  readonly project?: string;
  /** E-mail address of whoever asked. */
  readonly person: string;
  readonly state: OperationState;
  readonly createdAt: string;
  /** When the update that it belongs to began. */
  readonly startedAt?: string;
  readonly endedAt?: string;
  /** Steps of that update in all: an estimate, see update.ts. Absent while nothing is known. */
  readonly total?: number;
  /** Steps of it that are done, never more than `total`. */
  readonly done: number;
  /** Why it failed, in a sentence for the person. */
  readonly error?: string;
}

/** What is told of an operation while it goes on. `id` counts up from 1 within one operation. */
export type OperationEvent = { readonly id: number } & (
  | { readonly event: "progress"; readonly data: ProgressData }
  | { readonly event: "message"; readonly data: MessageData }
  | { readonly event: "state"; readonly data: Operation }
);

/** What is asked of the platform. */
export interface OperationRequest {
  readonly person: Person;
  /** `create web-shop`: for lists and the page. */
  readonly what: string;
  readonly project?: string;
  readonly edit?: Edit;
  /** The version of projects.yaml that the person has seen. Any, when absent. */
  readonly version?: string;
  /** Values for secrets of `project`, by name. */
  readonly secrets?: Readonly<Record<string, string>>;
  /** Done after an update that succeeded for this operation, before it ends. What it throws fails the operation. */
  readonly afterwards?: () => Promise<void>;
}

/**
 * The queue of what people ask for. One update runs at a time; all that is asked for while one runs belongs to the next.
 */
export interface Operations {
  /**
   * Changes projects.yaml at once and queues an update.
   * @throws UserError when the file would be wrong, Conflict, NotThere, Ending; nothing is changed then.
   */
  submit(request: OperationRequest): Promise<Operation>;
  get(id: string): Operation | undefined;
  /** The newest first. */
  list(): Operation[];
  /** Everything told of an operation after the event of that id, then what comes, until it has ended. @throws NotThere */
  events(id: string, after?: number): AsyncIterable<OperationEvent>;
  /** To be called once at the start: marks what a crash has cut off and runs one update to put things right. */
  recover(): Promise<void>;
  /** Takes nothing more; ends the update that runs in order, as Ctrl-C does, and waits for that. */
  close(): Promise<void>;
}
