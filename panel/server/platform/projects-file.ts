import { createHash } from "node:crypto";
import { readFileSync, realpathSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { UserError } from "../../../config/errors.ts";
import type { NamedText } from "../../../config/projects/overlay.ts";
import { NotEditable, plainValue, setValue } from "../../../config/text/yaml-edit.ts";
import { withLockFile } from "../../../operate/files/lock-file.ts";
import { replaceFile } from "../../../operate/files/replace-file.ts";
import { setRelease } from "../../../operate/opencode/release.ts";
import { assertNotOverlaid } from "./overlaid.ts";
import { Conflict, type Edit, NotFound } from "./types.ts";

/** The file's current content. */
export interface ProjectsSnapshot {
  readonly text: string;
  /** SHA-256 of the text, in hexadecimal. */
  readonly version: string;
  /** The entries as written; empty if the file can't be parsed. */
  readonly entries: unknown[];
  /** The stack's own file, which is laid over it. */
  readonly overlay?: NamedText | undefined;
}

/** Secrets of a project whose values come with the change. */
export interface ProvidedSecrets {
  readonly project: string;
  readonly names: readonly string[];
}

/** Checks a text. @throws UserError if it is invalid */
export type CheckText = (text: string, given?: ProvidedSecrets) => void;

/** The result of an edit. */
export interface EditResult {
  readonly version: string;
  /** The text before. */
  readonly previous: string;
}

/**
 * A projects.yaml that is edited entry by entry. Everything else is kept byte for byte: comments, order, blank lines, quotes, line
 * endings.
 */
export class ProjectsFile {
  readonly #path: string;
  readonly #check: CheckText;
  readonly #overlay: () => NamedText | undefined;

  /**
   * @param check throws a UserError for a text that must not be written
   * @param overlay reads the stack's own file
   */
  constructor(path: string, check: CheckText, overlay: () => NamedText | undefined = () => undefined) {
    this.#path = path;
    this.#check = check;
    this.#overlay = overlay;
  }

  /** @throws UserError if the file is missing or not UTF-8 */
  read(): ProjectsSnapshot {
    const text = readText(this.#path);
    return { text, version: versionOf(text), entries: entriesOf(text), overlay: this.#overlay() };
  }

  /**
   * Edits one entry. The whole new text is checked before it is written.
   * @param version the version the edit is based on; not checked if undefined
   * @param authorize throws if the edit of that text is not allowed
   * @throws Conflict for a stale version, NotFound for an unknown entry, UserError for an invalid result, what `authorize` throws
   */
  edit(change: Edit, version?: string, authorize?: (text: string) => void): EditResult {
    return this.replace((text) => {
      authorize?.(text);
      this.#assertEffective(text, change);
      return applyEdit(text, change);
    }, version);
  }

  /** Throws what `edit` would throw, without writing. Secrets in `given` count as set. */
  validate(change: Edit, version?: string, given?: ProvidedSecrets): void {
    const { text, version: present } = this.read();
    if (version !== undefined && version !== present) throw staleVersion(present);
    this.#assertEffective(text, change);
    this.#check(applyEdit(text, change), given);
  }

  #assertEffective(text: string, change: Edit): void {
    const name = change.kind === "add" ? change.entry.name : change.name;
    assertNotOverlaid(change, entryOf(text, name), this.#overlay());
  }

  /** Replaces the file's text; throws as `edit` does. */
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
      // The lock excludes other panels only. An editor's save is detected up to here; one in the microseconds until the rename would be
      // overwritten, as no system call can do both.
      replaceFile(file, expected, () => {
        const last = readText(file);
        if (last !== text) throw staleVersion(versionOf(last));
      });
      return { version: versionOf(expected), previous: text };
    });
  }

  /** Undoes an edit, unless the file has changed since. The previous text is not checked. */
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
 * Adds, changes or removes one entry of a text, without checking the result.
 * @throws NotFound for an unknown entry, UserError if the text's YAML can't be edited
 */
export function applyEdit(text: string, edit: Edit): string {
  const entries = entriesOf(text);
  try {
    if (edit.kind === "add") return setValue(text, ["projects", entries.length], edit.entry);
    const index = entries.findIndex((entry) => nameOf(entry) === edit.name);
    if (index < 0) throw new NotFound(`Project ${edit.name} not found`);
    if (edit.kind === "remove") return setValue(text, ["projects", index], undefined);
    if (edit.kind === "release") return setRelease(text, edit.name, edit.version);
    const { name = edit.name, ...values } = edit.values;
    if (name !== edit.name)
      throw invalidEdit(
        `projects[${index}].name`,
        "cannot be changed: add a project with the new name instead",
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

/** @param present the file's current version */
export const staleVersion = (present: string): Conflict =>
  new Conflict("projects.yaml was changed meanwhile", { currentVersion: present });

const invalidEdit = (path: string, what: string, fix?: string) =>
  new UserError("config", [{ where: `projects.yaml ${path}`, what, ...(fix ? { fix } : {}) }]);

const nameOf = (entry: unknown): unknown => (entry as { name?: unknown } | null)?.name;

/** An entry's index in a text; without a name, that of a new one. */
export function indexIn(text: string, name?: string): number {
  const entries = entriesOf(text);
  return name === undefined ? entries.length : entries.findIndex((entry) => nameOf(entry) === name);
}

/** An entry as written. */
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
        ? "not found"
        : code?.startsWith("E")
          ? `cannot be read (${code})`
          : "is not UTF-8 text";
    throw new UserError("config", [{ where: "projects.yaml", what }]);
  }
}
