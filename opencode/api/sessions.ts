/** Sessions, terminals and files in responses: all majors describe them alike. */
import { asMap, UnexpectedAnswer } from "./calls.ts";
import type { Session } from "./types.ts";

/** A session of a list, or one just created. */
function toSession(value: unknown): Session {
  const { id, time, title } = asMap(value);
  const { updated, created } = asMap(time);
  const usedAt = updated ?? created;
  return {
    id: String(id ?? ""),
    ...(typeof usedAt === "number" && Number.isFinite(usedAt) ? { usedAt } : {}),
    ...(typeof title === "string" ? { title } : {}),
  };
}

/** The sessions of a list. */
export function sessionsIn(value: unknown): Session[] {
  if (!Array.isArray(value)) throw new UnexpectedAnswer("answers no list of sessions");
  return value.map(toSession);
}

/** A session or terminal that the response describes. */
export function created(value: unknown): Session {
  const session = toSession(value);
  if (session.id === "") throw new UnexpectedAnswer("answers without an id");
  return session;
}

/** Names of the files that a response lists by their paths. */
export function fileNames(value: unknown): string[] {
  if (!Array.isArray(value)) throw new UnexpectedAnswer("answers no list of files");
  return value.map((file) =>
    String(asMap(file).path ?? "")
      .replace(/\/$/, "")
      .replace(/^.*\//, ""),
  );
}
