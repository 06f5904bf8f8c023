/** Writes a project's release of opencode to projects.yaml, and keeps every other byte of the file. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { checkProjectsText } from "../../config/check.ts";
import { fail } from "../../config/errors.ts";
import { NotEditable, plainValue, setValue } from "../../config/text/yaml-edit.ts";
import { root } from "../engine/checkout.ts";
import { withLockFile } from "../files/lock-file.ts";
import { replaceFile } from "../files/replace-file.ts";

/**
 * Sets `opencode.version` of an entry.
 * @throws UserError for an unknown entry, or a file that can only be changed by hand
 */
export function setRelease(text: string, project: string, version: string): string {
  const { projects } = (plainValue(text) ?? {}) as { projects?: unknown };
  const entries = Array.isArray(projects) ? (projects as { name?: unknown; opencode?: unknown }[]) : [];
  const index = entries.findIndex((entry) => entry?.name === project);
  if (index < 0) fail("config", project, "is not in projects.yaml", "npm run check lists all names");
  const path = ["projects", index, "opencode"];
  try {
    return entries[index]?.opencode === undefined
      ? setValue(text, path, { version })
      : setValue(text, [...path, "version"], version);
  } catch (error) {
    if (!(error instanceof NotEditable)) throw error;
    return fail(
      "config",
      "projects.yaml",
      error.message,
      `write opencode: { version: ${version} } in ${project} yourself`,
    );
  }
}

/**
 * Sets `opencode.version` of an entry in the checkout's projects.yaml, under the lock that the panel's edits take.
 * @returns a function that undoes it, unless the file has been changed since
 * @throws UserError, and changes nothing, for a release that the stack's projects can't run
 */
export function writeRelease(stack: string, project: string, version: string): () => void {
  const file = join(root, "projects.yaml");
  const lock = join(root, ".projects.yaml.lock");
  const replace = (from: string, to: string) =>
    replaceFile(file, to, () => {
      if (readFileSync(file, "utf8") !== from)
        fail("conflict", file, "was changed meanwhile", "run the command again");
    });
  return withLockFile(lock, () => {
    const text = readFileSync(file, "utf8");
    const changed = setRelease(text, project, version);
    checkProjectsText(root, stack, changed);
    replace(text, changed);
    return () =>
      withLockFile(lock, () => {
        if (readFileSync(file, "utf8") === changed) replace(changed, text);
      });
  });
}
