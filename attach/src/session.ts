/** The session that opencode opens. */
import { type Call, isUnexpectedAnswer, type OpencodeApi } from "../../opencode/api/index.ts";
import { UserError } from "./errors.ts";
import { type Connection, callProject, readAnswer } from "./reach.ts";

/** Sessions to look at: the list is in no certain order. */
const LIMIT = 20;

const GIVEN = /^(--session|-s)(=|$)/;
const CONTINUE = /^(--continue|-c)$/;

export interface SessionToOpen {
  /** The session's id; absent if the client needs none, or the user gave one. */
  readonly session?: string;
  /** The user's other arguments. */
  readonly others: readonly string[];
}

/** Sends a call and reads its response. */
async function send<Result>(at: Connection, call: Call<Result>): Promise<Result> {
  const answer = await callProject(at, call);
  try {
    return readAnswer(call, answer);
  } catch (error) {
    if (!isUnexpectedAnswer(error)) throw error;
    throw new UserError(
      "unreachable",
      at.url.host,
      `Cannot open a session: ${at.url.host} ${error.message}.`,
      "Try again, or open the project in the browser: opencode-platform open <project>",
    );
  }
}

/**
 * Finds the session for a client that needs one: the one used last, or a new one.
 * @param more the user's own arguments
 */
export async function sessionToOpen(
  at: Connection,
  { terminal, sessions, createSession }: Pick<OpencodeApi, "terminal" | "sessions" | "createSession">,
  more: readonly string[],
): Promise<SessionToOpen> {
  if (!terminal.needsSession || more.some((each) => GIVEN.test(each))) return { others: more };
  const [newest] = [...(await send(at, sessions(LIMIT)))].sort((a, b) => (b.usedAt ?? 0) - (a.usedAt ?? 0));
  const { id } = newest ?? (await send(at, createSession()));
  // --continue means the same session. The client itself would look for one in a directory of this machine, and
  // not find it.
  return { session: id, others: more.filter((each) => !CONTINUE.test(each)) };
}
