/** Writes a project's release of opencode to projects.yaml, and keeps every other byte of the file. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { checkProjectsText } from "../../config/check.ts";
import { fail } from "../../config/errors.ts";
import { readOverlay } from "../../config/projects/load.ts";
import { overlaidIn } from "../../config/projects/overlaid.ts";
import { type NamedText, PROJECTS_FILE } from "../../config/projects/overlay.ts";
import { NotEditable, plainValue, setValue } from "../../config/text/yaml-edit.ts";
import { root } from "../engine/checkout.ts";
import { withLockFile } from "../files/lock-file.ts";
import { replaceFile } from "../files/replace-file.ts";

/**
 * Sets `opencode.version` of an entry.
 * @param file what messages call the file
 * @throws UserError for an unknown entry, or a file that can only be changed by hand
 */
export function setRelease(text: string, project: string, version: string, file = PROJECTS_FILE): string {
  const { projects } = (plainValue(text) ?? {}) as { projects?: unknown };
  const entries = Array.isArray(projects) ? (projects as { name?: unknown; opencode?: unknown }[]) : [];
  const index = entries.findIndex((entry) => entry?.name === project);
  if (index < 0) fail("config", project, `is not in ${file}`, "npm run check lists all names");
  const path = ["projects", index, "opencode"];
  try {
    return entries[index]?.opencode === undefined
      ? setValue(text, path, { version })
      : setValue(text, [...path, "version"], version);
  } catch (error) {
    if (!(error instanceof NotEditable)) throw error;
    const fix = `write opencode: { version: ${version} } in ${project} yourself`;
    return fail("config", file, error.message, fix);
  }
}

/**
 * Sets `opencode.version` of an entry in the checkout's projects.yaml, under the lock that the panel's edits take; in the stack's own file, if
 * that has the version or the whole entry.
 * @param checkout the folder of both. Default: this one
 * @returns a function that undoes it, unless the file has been changed since
 * @throws UserError, and changes nothing, for a release that the stack's projects can't run
 */
export function writeRelease(stack: string, project: string, version: string, checkout = root): () => void {
  const lock = join(checkout, `.${PROJECTS_FILE}.lock`);
  return withLockFile(lock, () => {
    const base = readFileSync(join(checkout, PROJECTS_FILE), "utf8");
    const overlay = overlayThatHas(readOverlay(checkout, stack), project, base);
    const { file, text } = overlay ?? { file: PROJECTS_FILE, text: base };
    const path = join(checkout, file);
    const changed = setRelease(text, project, version, file);
    if (overlay) checkProjectsText(checkout, stack, base, undefined, { file, text: changed });
    else checkProjectsText(checkout, stack, changed);
    replace(path, text, changed);
    return () =>
      withLockFile(lock, () => {
        if (readFileSync(path, "utf8") === changed) replace(path, changed, text);
      });
  });
}

/** The stack's own file, if a release written to projects.yaml would not take effect. */
function overlayThatHas(
  overlay: NamedText | undefined,
  project: string,
  base: string,
): NamedText | undefined {
  const found = overlaidIn(overlay, project);
  const { projects } = (plainValue(base) ?? {}) as { projects?: unknown };
  const isInBase =
    Array.isArray(projects) && projects.some((entry: { name?: unknown } | null) => entry?.name === project);
  return found?.keys.has("opencode.version") || (found?.entry && !isInBase) ? overlay : undefined;
}

function replace(file: string, from: string, to: string): void {
  replaceFile(file, to, () => {
    if (readFileSync(file, "utf8") !== from)
      fail("conflict", file, "was changed meanwhile", "run the command again");
  });
}
