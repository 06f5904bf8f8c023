/** The log of who did what. It is only ever added to, and says which things were changed, never to what. */
import { closeSync, fsync, mkdirSync, openSync, write } from "node:fs";
import { dirname } from "node:path";
import { promisify } from "node:util";
import type { Person } from "../platform/types.ts";

const writeAll = promisify(write);
const flush = promisify(fsync);

/** One act. */
export interface AuditEntry {
  /** Id of the request, as the answer's X-Request-Id has it. */
  readonly request: string;
  readonly who: { readonly email: string; readonly kind: Person["kind"] | "unknown" };
  /** `create`, `stop` …; `sign in` for one that was refused. */
  readonly act: string;
  readonly project?: string;
  readonly outcome: "accepted" | "refused" | "failed";
  /** HTTP status of the answer. */
  readonly status: number;
  /** Id of the operation that it began. */
  readonly operation?: string;
  /** What was changed or why not, without any value: `keys: repo, branch; secrets: TOKEN`. */
  readonly detail?: string;
}

/** Where acts are written down. */
export interface Audit {
  /** Resolves when the line is on the disk. */
  record(act: AuditEntry): Promise<void>;
  close(): void;
}

/** An audit log in a file of JSON lines, which this user alone may read. */
export function openAudit(file: string, now: () => Date = () => new Date()): Audit {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const handle = openSync(file, "a", 0o600);
  let isClosed = false;
  return {
    async record({ request, who, ...act }) {
      // By then the handle's number may be another file's.
      if (isClosed) throw new Error("The audit log is closed");
      const line = { at: now().toISOString(), request, who: who.email, kind: who.kind, ...act };
      // One write of a whole line at the end: lines of two panels cannot mix.
      await writeAll(handle, `${JSON.stringify(line)}\n`);
      await flush(handle);
    },
    close() {
      if (!isClosed) closeSync(handle);
      isClosed = true;
    },
  };
}
