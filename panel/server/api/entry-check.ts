/** Checks a submitted entry by checking projects.yaml as it would be with it. */
import { UserError } from "../../../config/errors.ts";
import type { PanelServices } from "../parts.ts";
import { overlaidProblems } from "../platform/overlaid.ts";
import { applyEdit, entryOf, indexIn } from "../platform/projects-file.ts";
import type { Edit, Entry, EntryValues } from "../platform/types.ts";
import type { Snapshot } from "./catalog.ts";
import { checkValue, fieldProblems } from "./fields.ts";
import { invalidFields } from "./problem.ts";
import { type FieldProblem, type LeftoverChoice, leftoverChoice, secretValuesSchema } from "./schema.ts";

export type SecretValues = Readonly<Record<string, string>>;

/** A request's body: keys of the entry, unchecked, and values of secrets. */
export interface SubmittedEntry {
  readonly fields: Readonly<Record<string, unknown>>;
  readonly secretValues: SecretValues;
}

/** Splits secret values from the entry's keys. @throws HttpProblem (422) if the body is not a map, or a value not a string */
export function splitSecretValues(body: unknown): SubmittedEntry {
  if (typeof body !== "object" || body === null || Array.isArray(body))
    throw invalidFields([{ path: "", message: "is not a map of an entry's keys" }]);
  const { secretValues = {}, ...fields } = body as Record<string, unknown>;
  const checked = checkValue(secretValuesSchema, secretValues, ["secretValues"]);
  if (checked.problems) throw invalidFields(checked.problems);
  return { fields, secretValues: checked.data };
}

/** Splits from a new entry's keys what is done with what an earlier project of its name left behind. @throws HttpProblem (422) if it is no choice */
export function splitLeftover(fields: SubmittedEntry["fields"]): {
  readonly entry: SubmittedEntry["fields"];
  readonly leftover?: LeftoverChoice;
} {
  const { leftover, ...entry } = fields;
  if (leftover === undefined) return { entry };
  const checked = checkValue(leftoverChoice, leftover, ["leftover"]);
  if (checked.problems) throw invalidFields(checked.problems);
  return { entry, leftover: checked.data };
}

/** All problems of a new or changed entry. @param secretNames those that will have a value. Default: those of `secretValues` */
export function checkEntry(
  { file, outsideRepo }: Pick<PanelServices, "file" | "outsideRepo">,
  snapshot: Snapshot,
  edit: Extract<Edit, { kind: "add" | "change" }>,
  secretValues: SecretValues,
  secretNames: readonly string[] = Object.keys(secretValues),
): FieldProblem[] {
  const name = edit.kind === "add" ? edit.entry.name : edit.name;
  const overlaid = overlaidProblems(edit, entryOf(snapshot.text, name), snapshot.overlay);
  if (overlaid.length > 0)
    return overlaid.map(({ key = "", where, what, fix }) => ({
      path: key,
      message: `${where}: ${what}`,
      ...(fix ? { fix } : {}),
    }));
  const known =
    edit.kind === "add"
      ? undefined
      : snapshot.projectEntries.find(({ project }) => project.name === name)?.entry;
  const index = indexIn(snapshot.text, edit.kind === "add" ? undefined : name);
  const problems = problemsOf(index, () => {
    file.check(applyEdit(snapshot.text, edit), { project: name, names: secretNames });
  });
  const before = known?.secrets;
  const after = edit.kind === "add" ? edit.entry.secrets : edit.values.secrets;
  const repo = edit.kind === "add" ? edit.entry.repo : edit.values.repo;
  const isNew = typeof repo === "string" && repo !== known?.repo;
  const outside = isNew ? outsideRepo?.(repo) : undefined;
  if (outside)
    problems.push({ path: "repo", message: outside, fix: "add its directory to panel.repoDirectories" });
  return [...problems, ...unknownSecretValues(secretValues, after === undefined ? before : after)];
}

function problemsOf(index: number, check: () => void): FieldProblem[] {
  try {
    check();
    return [];
  } catch (error) {
    if (error instanceof UserError) return fieldProblems(error.problems, index);
    throw error;
  }
}

/** Problems for values of undeclared secrets, which would be stored and never used. */
function unknownSecretValues(values: SecretValues, secrets: unknown): FieldProblem[] {
  const known: unknown[] = Array.isArray(secrets) ? secrets : [];
  return Object.keys(values)
    .filter((name) => !known.includes(name))
    .map((name) => ({ path: `secretValues.${name}`, message: `${name} is not in this entry's secrets` }));
}

/** The change that turns an entry into another: all of the new keys, and null for removed ones. */
export function replaceProblems(before: Entry, after: Readonly<Record<string, unknown>>): EntryValues {
  const gone = Object.keys(before).filter((key) => !Object.hasOwn(after, key));
  return { ...Object.fromEntries(gone.map((key) => [key, null])), ...after } as EntryValues;
}
