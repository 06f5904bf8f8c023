/** Operations on disk: a file for each, so that a crash at any moment leaves whole ones. No secret is in them. */
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import * as z from "zod";
import { replaceFile } from "./replace-file.ts";
import type { Operation } from "./types.ts";

/** So many operations are kept. */
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
  /** Something was to be done after the update, which no file can hold. */
  hasAfterwards: z.boolean().optional(),
  /** The entry was to be gone after the update. */
  isRemoval: z.boolean().optional(),
  version: z.string().optional(),
});

/** An operation as it is kept. */
export type JournalRecord = Operation & {
  readonly hasAfterwards?: boolean;
  readonly isRemoval?: boolean;
  /** The version of projects.yaml that it has made. */
  readonly version?: string | undefined;
};

export class Journal {
  readonly #folder: string;

  /** @param folder made if it is not there, readable by its owner alone */
  constructor(folder: string) {
    this.#folder = folder;
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    chmodSync(folder, 0o700);
  }

  /** All that is kept, the oldest first. What is no operation is passed over. */
  read(): JournalRecord[] {
    return this.#names().flatMap((name) => parse(readFileSync(join(this.#folder, name), "utf8")));
  }

  write(operation: JournalRecord): void {
    replaceFile(join(this.#folder, `${operation.id}.json`), `${JSON.stringify(operation)}\n`);
  }

  /** Removes the oldest that are too many, and what a crash has left half written. */
  prune(): void {
    const surplus = this.#names().slice(0, -MAX_OPERATIONS);
    for (const name of surplus) rmSync(join(this.#folder, name), { force: true });
    for (const name of readdirSync(this.#folder))
      if (name.endsWith(".tmp")) rmSync(join(this.#folder, name), { force: true });
  }

  /** In the order of the operations, whose ids begin with their time. */
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
