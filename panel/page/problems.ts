/** Where a mistake that the server found is shown in the form. Pure. */
import type { Entry, FieldProblem } from "./model.ts";

/** A field's key: that of the form, and "secret-name:2" or "secret-value:2" in a row of the secrets. */
export type FieldId = string;

/** Mistakes by field, and those that belong to none, which are shown above the form. */
export interface FieldErrors {
  readonly fields: ReadonlyMap<FieldId, readonly FieldProblem[]>;
  readonly others: readonly FieldProblem[];
}

const PLACES: Record<string, FieldId> = {
  name: "name",
  repo: "repo",
  branch: "branch",
  git: "auth",
  "git.auth": "auth",
  "git.secret": "tokenSecret",
  "git.username": "username",
  "git.knownHosts": "knownHosts",
  "resources.memory": "memory",
  "resources.cpus": "cpus",
  "opencode.model": "model",
  members: "members",
};

/** The row of a secret in the form; the token's own fields where it is git's. */
function secretPlace(
  name: string | undefined,
  part: "name" | "value",
  rows: readonly string[],
  token?: string,
) {
  if (name === undefined) return undefined;
  const row = rows.indexOf(name);
  if (row >= 0) return `secret-${part}:${row}`;
  if (name !== token) return undefined;
  return part === "name" ? "tokenSecret" : "tokenValue";
}

/**
 * The field that a path of the entry belongs to.
 * @param path as in "resources.memory", "members.1", "members[1]", "secrets.0", "secretValues.NAME"
 * @param entry what was sent
 * @param rows the names in the form's rows of secrets, in order
 */
export function fieldOf(path: string, entry: Entry, rows: readonly string[]): FieldId | undefined {
  const parts = path.replaceAll(/\[(\d+)\]/g, ".$1").split(".");
  const token = entry.git?.auth === "token" ? entry.git.secret : undefined;
  if (parts[0] === "secretValues") return secretPlace(parts[1], "value", rows, token);
  if (parts[0] === "secrets") {
    return secretPlace(entry.secrets?.[Number(parts[1])], "name", rows, token) ?? "secrets";
  }
  for (let length = parts.length; length > 0; length--) {
    const key = parts.slice(0, length).join(".");
    if (Object.hasOwn(PLACES, key)) return PLACES[key];
  }
  return undefined;
}

/** Sorts mistakes to their fields. */
export function errorsByField(
  problems: readonly FieldProblem[],
  entry: Entry,
  rows: readonly string[],
): FieldErrors {
  const fields = new Map<FieldId, FieldProblem[]>();
  const others: FieldProblem[] = [];
  for (const problem of problems) {
    const place = fieldOf(problem.path, entry, rows);
    if (place === undefined) others.push(problem);
    else fields.set(place, [...(fields.get(place) ?? []), problem]);
  }
  return { fields, others };
}

/** A mistake as one sentence, its fix after it. */
export const sentence = ({ message, fix }: Pick<FieldProblem, "message" | "fix">): string => {
  const text = message.charAt(0).toUpperCase() + message.slice(1);
  return fix ? `${text}. ${fix.charAt(0).toUpperCase()}${fix.slice(1)}.`.replaceAll("..", ".") : text;
};
