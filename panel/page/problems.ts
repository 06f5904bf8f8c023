/** Maps the server's problems to form fields. Pure. */
import type { Entry, FieldProblem } from "./model.ts";

/** A field's id: its key in the form, or "secret-name:2" and "secret-value:2" for a row of secrets. */
export type FieldId = string;

/** Problems by field, and the others, which are shown above the buttons. */
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
  sleep: "sleep",
  "opencode.model": "model",
  "opencode.version": "version",
  members: "members",
};

/** The field of a secret: in its row, or the token's field if it is git's. */
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
 * @param entry the submitted entry
 * @param rows names in the form's rows of secrets, in order
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

/** Groups problems by field. */
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

/** A problem as a sentence, followed by its fix. */
export const sentence = ({ message, fix }: Pick<FieldProblem, "message" | "fix">): string => {
  const text = message.charAt(0).toUpperCase() + message.slice(1);
  return fix ? `${text}. ${fix.charAt(0).toUpperCase()}${fix.slice(1)}.`.replaceAll("..", ".") : text;
};
