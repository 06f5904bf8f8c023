/** Sessions, terminals, files and agents in responses: all majors describe them alike. */
import { asMap, textOf, UnexpectedAnswer } from "./calls.ts";
import type { AgentRules, Session } from "./types.ts";

/** The end of the year 9999, in milliseconds since 1970: ISO 8601 has four digits for a year. */
const LAST_TIME = Date.UTC(10_000, 0) - 1;

/** A moment in milliseconds since 1970; undefined for anything else, since an agent may have put its own server in opencode's place. */
const momentOf = (value: unknown): number | undefined =>
  typeof value === "number" && value >= 0 && value <= LAST_TIME ? value : undefined;

/** A session of a list, or one just created. */
function toSession(value: unknown): Session {
  const { id, time, title } = asMap(value);
  const { updated, created } = asMap(time);
  const usedAt = momentOf(updated) ?? momentOf(created);
  return {
    id: textOf(id),
    ...(usedAt === undefined ? {} : { usedAt }),
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
  return value.map((file) => textOf(asMap(file).path).replace(/\/$/, "").replace(/^.*\//, ""));
}

/** What a major calls the parts of an agent and of a permission. */
interface AgentKeys {
  readonly name: string;
  readonly rules: string;
  readonly tool: string;
  readonly effect: string;
}

/** The agents of a list. */
export function agentsIn(value: unknown, keys: AgentKeys): AgentRules[] {
  if (!Array.isArray(value)) throw new UnexpectedAnswer("answers no list of agents");
  return value.map(asMap).map((agent) => {
    const rules = agent[keys.rules];
    return {
      name: textOf(agent[keys.name]),
      rules: (Array.isArray(rules) ? rules : []).map(asMap).map((rule) => ({
        tool: textOf(rule[keys.tool]),
        effect: textOf(rule[keys.effect]),
      })),
    };
  });
}
