/** The audit log: append-only, with the names of changed keys and secrets, never their values. */
import {
  closeSync,
  fstatSync,
  fsync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  write,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { promisify } from "node:util";
import type { Person } from "../platform/types.ts";

const flush = promisify(fsync);

/** Bytes after which a new file is begun, and the number of earlier files that are kept: half a million lines. */
const MAX_BYTES = 8 * 2 ** 20;
const KEEP = 20;

/** One line of the audit log. */
export interface AuditEntry {
  /** Id of the request, as in the response's X-Request-Id. */
  readonly request: string;
  readonly who: { readonly email: string; readonly kind: Person["kind"] | "unknown" };
  /** `create`, `stop`, `read logs` …; for a request refused before its route, method and path. */
  readonly act: string;
  readonly project?: string;
  /** `begun` is written before anything is done; the request's end is a line of its own. */
  readonly outcome: "begun" | "accepted" | "refused" | "failed";
  /** HTTP status of the response, once there is one. */
  readonly status?: number;
  /** Id of the operation it started. */
  readonly operation?: string;
  /** What was changed, without values: `keys: repo, branch; secrets: TOKEN`. */
  readonly detail?: string;
  /** Refusals of this person that were not written, since there were too many. */
  readonly unwritten?: number;
}

/** The audit log. */
export interface Audit {
  /** Resolves when the line is on the disk. @throws Error if it could not be written */
  record(act: AuditEntry): Promise<void>;
  close(): void;
}

export interface AuditOptions {
  readonly now?: () => Date;
  readonly maxBytes?: number;
  readonly keep?: number;
}

/** Opens an audit log in a file of JSON lines, readable by this user only. Earlier files are next to it, with the time of their end. */
export function openAudit(file: string, options: AuditOptions = {}): Audit {
  const { now = () => new Date(), maxBytes = MAX_BYTES, keep = KEEP } = options;
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  let handle = openSync(file, "a", 0o600);
  let isClosed = false;
  let isTorn = false;
  /** One line after another, so that none is in two files. */
  let last: Promise<void> = Promise.resolve();

  const reopen = () => {
    closeSync(handle);
    handle = openSync(file, "a", 0o600);
  };
  const append = async (line: string) => {
    const { size, nlink } = fstatSync(handle);
    if (nlink === 0) reopen();
    else if (size > 0 && size + line.length > maxBytes) {
      rotate(file, now(), keep);
      reopen();
    }
    try {
      await writeAll(handle, isTorn ? `\n${line}` : line);
      await flush(handle);
      isTorn = false;
    } catch (error) {
      isTorn = true;
      throw error;
    }
  };
  return {
    record({ request, who, ...act }) {
      const written = last.then(() => {
        // The file descriptor may belong to another file by now.
        if (isClosed) throw new Error("The audit log is closed");
        const line = { at: now().toISOString(), request, who: who.email, kind: who.kind, ...act };
        return append(`${JSON.stringify(line)}\n`);
      });
      last = written.catch(() => {});
      return written;
    },
    close() {
      if (!isClosed) closeSync(handle);
      isClosed = true;
    },
  };
}

const writeOnce = promisify(write);

/** A full disk takes part of a line without an error. */
async function writeAll(handle: number, text: string): Promise<void> {
  for (let rest: Buffer = Buffer.from(text); rest.length > 0; ) {
    const { bytesWritten } = await writeOnce(handle, rest);
    rest = rest.subarray(bytesWritten);
  }
}

/** Renames the file to one with the time in its name, and deletes the oldest of those. */
function rotate(file: string, at: Date, keep: number): void {
  const stem = basename(file, ".jsonl");
  const folder = dirname(file);
  const stamp = at.toISOString().replace(/[-:]/g, "");
  const earlier = () =>
    readdirSync(folder)
      .filter((name) => name.startsWith(`${stem}-`) && name.endsWith(".jsonl"))
      .sort();
  const same = earlier().filter((name) => name.startsWith(`${stem}-${stamp}`)).length;
  renameSync(file, join(folder, `${stem}-${stamp}${same > 0 ? `.${same}` : ""}.jsonl`));
  for (const name of earlier().slice(0, -keep)) rmSync(join(folder, name), { force: true });
}

/** Refusals of one person that are written in one minute: the rest is counted, so that nobody flushes others' lines out of the log. */
const REFUSALS = 60;
const MINUTE_MS = 60_000;

/** Decides which refusals are written. */
export class RefusalQuota {
  readonly #people = new Map<string, { since: number; count: number; unwritten: number }>();

  /** Whether a person's refusal is to be written, and how many were not before it. */
  take(email: string, now = Date.now()): { readonly isWritten: boolean; readonly unwritten: number } {
    for (const [other, { since, unwritten }] of this.#people)
      if (now - since >= MINUTE_MS && unwritten === 0) this.#people.delete(other);
    const known = this.#people.get(email);
    const isFresh = !known || now - known.since >= MINUTE_MS;
    if (!isFresh && known.count >= REFUSALS) {
      known.unwritten++;
      return { isWritten: false, unwritten: 0 };
    }
    const unwritten = known?.unwritten ?? 0;
    const count = isFresh ? 1 : known.count + 1;
    this.#people.set(email, { since: isFresh ? now : known.since, count, unwritten: 0 });
    return { isWritten: true, unwritten };
  }
}
