/**
 * The process that opens projects' databases for `activity.ts`. Their content is an agent's to choose, so nothing that
 * a file can do to its reader (block it, keep it busy, crash it) may reach the process that asks.
 */
import { lstatSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

export interface Question {
  /** The project's home directory. */
  readonly home: string;
  /** The database and its journals, relative to it. */
  readonly files: readonly string[];
  readonly query: string;
}

export interface Reply {
  /** Milliseconds since 1970; absent without a session. */
  readonly at?: number;
  readonly error?: string;
}

/** Where the database is; undefined if there is none. @throws Error for anything but plain files inside the home directory */
function find(home: string, files: readonly string[]): string | undefined {
  const base = realpathSync(home);
  for (const file of files) {
    const path = join(base, file);
    const found = lstatSync(path, { throwIfNoEntry: false });
    if (found && (!found.isFile() || realpathSync(path) !== path))
      throw new Error(`${file} is not a plain file`);
  }
  const database = join(base, files[0] ?? "");
  return lstatSync(database, { throwIfNoEntry: false }) ? database : undefined;
}

function read({ home, files, query }: Question): number | undefined {
  const file = find(home, files);
  if (file === undefined) return undefined;
  const database = new DatabaseSync(file, { readOnly: true });
  try {
    const at = database.prepare(query).get()?.at ?? undefined;
    if (at === undefined) return undefined;
    if (typeof at !== "number" || !Number.isFinite(at) || at < 0)
      throw new Error("the time of the last session is not a time");
    // A clock that was ahead, or a lie.
    return Math.min(at, Date.now());
  } finally {
    database.close();
  }
}

process.on("message", (question: Question) => {
  try {
    const at = read(question);
    process.send?.((at === undefined ? {} : { at }) satisfies Reply);
  } catch (error) {
    process.send?.({ error: (error as Error).message } satisfies Reply);
  }
});
