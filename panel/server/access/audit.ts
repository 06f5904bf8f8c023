/** The audit log: append-only, with the names of changed keys and secrets, never their values. */
import { closeSync, fsync, mkdirSync, openSync, write } from "node:fs";
import { dirname } from "node:path";
import { promisify } from "node:util";
import type { Person } from "../platform/types.ts";

const writeAll = promisify(write);
const flush = promisify(fsync);

/** One line of the audit log. */
export interface AuditEntry {
  /** Id of the request, as in the response's X-Request-Id. */
  readonly request: string;
  readonly who: { readonly email: string; readonly kind: Person["kind"] | "unknown" };
  /** `create`, `stop` …; for a request refused before its route, method and path. */
  readonly act: string;
  readonly project?: string;
  readonly outcome: "accepted" | "refused" | "failed";
  /** HTTP status of the response. */
  readonly status: number;
  /** Id of the operation it started. */
  readonly operation?: string;
  /** What was changed, without values: `keys: repo, branch; secrets: TOKEN`. */
  readonly detail?: string;
}

/** The audit log. */
export interface Audit {
  /** Resolves when the line is on the disk. */
  record(act: AuditEntry): Promise<void>;
  close(): void;
}

/** Opens an audit log in a file of JSON lines, readable by this user only. */
export function openAudit(file: string, now: () => Date = () => new Date()): Audit {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const handle = openSync(file, "a", 0o600);
  let isClosed = false;
  return {
    async record({ request, who, ...act }) {
      // The file descriptor may belong to another file by now.
      if (isClosed) throw new Error("The audit log is closed");
      const line = { at: now().toISOString(), request, who: who.email, kind: who.kind, ...act };
      // One appending write per line, so that lines of two panels never interleave.
      await writeAll(handle, `${JSON.stringify(line)}\n`);
      await flush(handle);
    },
    close() {
      if (!isClosed) closeSync(handle);
      isClosed = true;
    },
  };
}
