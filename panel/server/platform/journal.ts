/** Operations on disk, one file each, so that a crash never leaves a partial one. They hold no secrets. */
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import * as z from "zod";
import { replaceFile } from "../../../operate/files/replace-file.ts";
import type { Operation } from "./types.ts";

/** Maximum operations kept. */
export const MAX_OPERATIONS = 200;

const recordSchema = z.object({
  id: z.string().regex(/^[\w-]+$/),
  what: z.string(),
  project: z.string().optional(),
  person: z.string(),
  state: z.enum(["queued", "running", "succeeded", "failed", "interrupted"]),
  createdAt: z.string(),
  startedAt: z.string().optional(),
  endedAt: z.string().optional(),
  total: z.number().optional(),
  done: z.number(),
  error: z.string().optional(),
  /** The operation has an `afterwards` callback, which a file can't hold. */
  hasAfterwards: z.boolean().optional(),
  /** The operation removes the project's entry. */
  isRemoval: z.boolean().optional(),
  /** The operation is no update, but work that the storage program does. */
  isWork: z.boolean().optional(),
  /** The projects whose release of opencode the operation changes. */
  follows: z.array(z.string()).optional(),
  version: z.string().optional(),
});

/** An operation in the journal. */
export type JournalRecord = Operation & {
  readonly hasAfterwards?: boolean;
  readonly isRemoval?: boolean;
  readonly follows?: readonly string[];
  /** The version of projects.yaml after it. */
  readonly version?: string | undefined;
};

export class Journal {
  readonly #folder: string;

  /** @param folder created if missing, with mode 0700 */
  constructor(folder: string) {
    this.#folder = folder;
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    chmodSync(folder, 0o700);
  }

  /** All operations, oldest first. Skips invalid files. */
  read(): JournalRecord[] {
    return this.#names().flatMap((name) => parse(readFileSync(join(this.#folder, name), "utf8")));
  }

  write(operation: JournalRecord): void {
    replaceFile(join(this.#folder, `${operation.id}.json`), `${JSON.stringify(operation)}\n`);
  }

  /** Deletes the oldest operations over the limit, and temporary files of a crash. */
  prune(): void {
    const surplus = this.#names().slice(0, -MAX_OPERATIONS);
    for (const name of surplus) rmSync(join(this.#folder, name), { force: true });
    for (const name of readdirSync(this.#folder))
      if (name.endsWith(".tmp")) rmSync(join(this.#folder, name), { force: true });
  }

  /** Sorted by time, since ids begin with it. */
  #names(): string[] {
    return readdirSync(this.#folder)
      .filter((name) => name.endsWith(".json"))
      .sort();
  }
}

function parse(text: string): JournalRecord[] {
  try {
    const { data } = recordSchema.safeParse(JSON.parse(text));
    return data ? [data] : [];
  } catch {
    return [];
  }
}
