/**
 * Refuses edits of projects.yaml that the stack's own file would keep from taking effect. The panel edits projects.yaml alone: what
 * `projects.<stack>.yaml` says is for people with an editor.
 */
import { isDeepStrictEqual } from "node:util";
import { type Problem, UserError } from "../../../config/errors.ts";
import { overlaidIn } from "../../../config/projects/overlaid.ts";
import type { NamedText } from "../../../config/projects/overlay.ts";
import type { Edit } from "./types.ts";

/** A problem with the key of the entry that it is about; without one, of the whole entry. */
export interface OverlaidProblem extends Problem {
  readonly key?: string;
}

/**
 * @param before the project's entry in projects.yaml; undefined if it has none
 * @param overlay the stack's own file
 */
export function overlaidProblems(
  edit: Edit,
  before: unknown,
  overlay: NamedText | undefined,
): OverlaidProblem[] {
  const name = edit.kind === "add" ? edit.entry.name : edit.name;
  const found = overlaidIn(overlay, name);
  if (!found) return [];
  const fix = `change it in ${found.file}`;
  const where = found.entry ?? found.excluded ?? found.file;
  if (edit.kind === "add")
    return [{ where, what: `already has something to say of ${name}`, fix, key: "name" }];
  if (before === undefined) return [{ where, what: `${name} is an entry of this file alone`, fix }];
  if (edit.kind === "remove")
    return [{ where, what: `changes ${name} on this stack`, fix: "remove that first" }];
  return changedKeys(edit, before).flatMap((key): OverlaidProblem[] => {
    const place = found.keys.get(key);
    return place ? [{ where: place, what: `sets ${key} on this stack`, fix, key }] : [];
  });
}

/** @throws UserError for such an edit */
export function assertNotOverlaid(...edit: Parameters<typeof overlaidProblems>): void {
  const problems = overlaidProblems(...edit);
  if (problems.length > 0) throw new UserError("config", problems);
}

function changedKeys(edit: Extract<Edit, { kind: "change" | "release" }>, before: unknown): string[] {
  if (edit.kind === "release") return ["opencode.version"];
  const entry = before as Readonly<Record<string, unknown>>;
  return Object.entries(edit.values)
    .filter(([key, value]) => value !== undefined && !isDeepStrictEqual(value ?? undefined, entry[key]))
    .map(([key]) => key);
}
