import { createHash } from "node:crypto";
import { readFileSync, realpathSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { UserError } from "../../../config/errors.ts";
import { withLockFile } from "./lock-file.ts";
import { replaceFile } from "./replace-file.ts";
import { Conflict, type Edit, NotFound } from "./types.ts";
import { NotEditable, plainValue, setValue } from "./yaml-edit.ts";

/** What a file says now. */
export interface ProjectsSnapshot {
  readonly text: string;
  /** SHA-256 of the text, in hexadecimal. */
  readonly version: string;
  /** The entries as they are written; none where the file cannot be read as one. */
  readonly entries: unknown[];
}

/** Secrets of a project that will have a value when the text is the file's. */
export interface ProvidedSecrets {
  readonly project: string;
  readonly names: readonly string[];
}

/** Throws a UserError for a text that is not right. */
export type CheckText = (text: string, given?: ProvidedSecrets) => void;

/** What an edit has made of the file. */
export interface EditResult {
  readonly version: string;
  /** The text before. */
  readonly previous: string;
}

/**
 * A projects.yaml that is changed entry by entry. Everything that a change is not about is kept byte for byte: comments, order, blank
 * lines, quotes, line endings.
 */
export class ProjectsFile {
  readonly #path: string;
  readonly #check: CheckText;

  /** @param check throws a UserError for a text that must not become the file's */
  constructor(path: string, check: CheckText) {
    this.#path = path;
    this.#check = check;
  }

  /** @throws UserError when there is no such file, or it is no text. */
  read(): ProjectsSnapshot {
    const text = readText(this.#path);
    return { text, version: versionOf(text), entries: entriesOf(text) };
  }

  /**
   * Changes one entry. The whole new text is checked before anything is written.
   * @param version what the person has seen; any, when absent
   * @throws Conflict when the file is another by now, NotThere when it has no such entry, UserError when the result would be wrong
   */
  edit(change: Edit, version?: string): EditResult {
    return this.replace((text) => applyEdit(text, change), version);
  }

  /** Throws what `edit` would, and changes nothing. `given` counts as secrets that have a value. */
  validate(change: Edit, version?: string, given?: ProvidedSecrets): void {
    const { text, version: present } = this.read();
    if (version !== undefined && version !== present) throw staleVersion(present);
    this.#check(applyEdit(text, change), given);
  }

  /** Makes the file's text another, as `edit` does. */
  replace(makeText: (text: string) => string, version?: string, check: CheckText = this.#check): EditResult {
    const file = realpathOf(this.#path);
    const lock = join(dirname(file), `.${basename(file)}.lock`);
    return withLockFile(lock, () => {
      const text = readText(file);
      const present = versionOf(text);
      if (version !== undefined && version !== present) throw staleVersion(present);
      const expected = makeText(text);
      if (expected === text) return { version: present, previous: text };
      check(expected);
      // Panels exclude each other by the lock. An editor knows no lock: what it saves up to here is seen, and what it saves in the
      // microseconds between this look and the rename, which no file system call can join, would be replaced.
      replaceFile(file, expected, () => {
        const last = readText(file);
        if (last !== text) throw staleVersion(versionOf(last));
      });
      return { version: versionOf(expected), previous: text };
    });
  }

  /** Undoes an edit, unless the file has been changed since. Whether it was right before does not matter. */
  undo({ version, previous }: EditResult): void {
    try {
      this.replace(
        () => previous,
        version,
        () => {},
      );
    } catch (error) {
      if (!(error instanceof Conflict)) throw error;
    }
  }
}

/**
 * The text with one entry added, changed or removed; nothing is checked but that the entry is there.
 * @throws NotThere, and UserError when the text is written in a way that cannot be changed
 */
export function applyEdit(text: string, edit: Edit): string {
  const entries = entriesOf(text);
  try {
    if (edit.kind === "add") return setValue(text, ["projects", entries.length], edit.entry);
    const index = entries.findIndex((entry) => nameOf(entry) === edit.name);
    if (index < 0) throw new NotFound(`There is no project ${edit.name}`);
    if (edit.kind === "remove") return setValue(text, ["projects", index], undefined);
    const { name = edit.name, ...values } = edit.values;
    if (name !== edit.name)
      throw invalidEdit(
        `projects[${index}].name`,
        "cannot be changed: add a project of the new name instead",
      );
    return Object.entries(values).reduce(
      (now, [key, value]) =>
        value === undefined ? now : setValue(now, ["projects", index, key], value ?? undefined),
      text,
    );
  } catch (error) {
    if (!(error instanceof NotEditable)) throw error;
    throw invalidEdit("projects", error.message, "change projects.yaml by hand");
  }
}

export const versionOf = (text: string): string => createHash("sha256").update(text).digest("hex");

/** @param present the version that the file has now */
export const staleVersion = (present: string): Conflict =>
  new Conflict("projects.yaml has been changed meanwhile", { currentVersion: present });

const invalidEdit = (path: string, what: string, fix?: string) =>
  new UserError("config", [{ where: `projects.yaml ${path}`, what, ...(fix ? { fix } : {}) }]);

const nameOf = (entry: unknown): unknown => (entry as { name?: unknown } | null)?.name;

/** An entry as it is written. */
export const entryOf = (text: string, name: string): unknown =>
  entriesOf(text).find((entry) => nameOf(entry) === name);

function entriesOf(text: string): unknown[] {
  try {
    const { projects } = (plainValue(text) ?? {}) as { projects?: unknown };
    return Array.isArray(projects) ? projects : [];
  } catch {
    return [];
  }
}

function realpathOf(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

function readText(path: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(readFileSync(path));
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    const what =
      code === "ENOENT"
        ? "there is no such file"
        : code?.startsWith("E")
          ? `cannot be read (${code})`
          : "is not UTF-8 text";
    throw new UserError("config", [{ where: "projects.yaml", what }]);
  }
}
