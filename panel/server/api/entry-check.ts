/** What is wrong with an entry that somebody wants to have in projects.yaml: the file is checked as it would be. */
import { UserError } from "../../../config/errors.ts";
import type { PanelServices } from "../parts.ts";
import { applyEdit } from "../platform/projects-file.ts";
import type { Edit, Entry, EntryValues } from "../platform/types.ts";
import type { Snapshot } from "./catalog.ts";
import { checkValue, fieldProblems } from "./fields.ts";
import { invalidFields } from "./problem.ts";
import { type FieldProblem, secretValuesSchema } from "./schema.ts";

export type SecretValues = Readonly<Record<string, string>>;

/** A request's body, which may be any JSON: what goes into the file, and values of secrets. */
export interface SubmittedEntry {
  readonly fields: Readonly<Record<string, unknown>>;
  readonly secretValues: SecretValues;
}

/** Takes a body apart. @throws Refusal (422) when it is no map, or a secret's value no text */
export function splitSecretValues(body: unknown): SubmittedEntry {
  if (typeof body !== "object" || body === null || Array.isArray(body))
    throw invalidFields([{ path: "", message: "is not a map of an entry's keys" }]);
  const { secretValues = {}, ...fields } = body as Record<string, unknown>;
  const checked = checkValue(secretValuesSchema, secretValues, ["secretValues"]);
  if (checked.problems) throw invalidFields(checked.problems);
  return { fields, secretValues: checked.data };
}

/** Everything wrong with an entry that is new, or stands for another. */
export function checkEntry(
  { file }: Pick<PanelServices, "file">,
  snapshot: Snapshot,
  edit: Exclude<Edit, { kind: "remove" }>,
  secretValues: SecretValues,
): FieldProblem[] {
  const name = edit.kind === "add" ? edit.entry.name : edit.name;
  const names = snapshot.projectEntries.map(({ project }) => project.name);
  const index = edit.kind === "add" ? names.length : names.indexOf(name);
  const problems = problemsOf(index, () => {
    file.check(applyEdit(snapshot.text, edit), { project: name, names: Object.keys(secretValues) });
  });
  const before = snapshot.projectEntries[index]?.entry.secrets;
  const after = edit.kind === "add" ? edit.entry.secrets : edit.values.secrets;
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

/** A value that no secret is called for would be kept and never used. */
function unknownSecretValues(values: SecretValues, secrets: unknown): FieldProblem[] {
  const known: unknown[] = Array.isArray(secrets) ? secrets : [];
  return Object.keys(values)
    .filter((name) => !known.includes(name))
    .map((name) => ({ path: `secretValues.${name}`, message: `${name} is not in this entry's secrets` }));
}

/** What an entry would have to change to become another: all of its keys, those it lacks taken out. */
export function replaceProblems(before: Entry, after: Readonly<Record<string, unknown>>): EntryValues {
  const gone = Object.keys(before).filter((key) => !Object.hasOwn(after, key));
  return { ...Object.fromEntries(gone.map((key) => [key, null])), ...after } as EntryValues;
}
