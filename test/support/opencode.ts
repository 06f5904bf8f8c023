import { join } from "node:path";
import { OPENCODE } from "../../config/versions.ts";
import { apiFor, type Call } from "../../opencode/api/index.ts";
import { type Asked, ask, type Question } from "./http.ts";
import { must } from "./run.ts";

/** The release of opencode that the suites' projects run: TEST_OPENCODE, or the default. */
export const RELEASE = process.env.TEST_OPENCODE || OPENCODE;
export const projectApi = apiFor(RELEASE);

/** On the terminal client's first screen; one that was given a session does not show the words in the empty prompt. */
export const DRAWN = projectApi.terminal.needsSession ? "ctrl+p commands" : "Ask anything";

/** opencode's binary, copied from a project's container: the release that serves. */
export async function opencodeBinary(container: string, folder: string): Promise<string> {
  const inside = await must("docker", ["exec", container, "readlink", "-f", "/usr/local/bin/opencode"]);
  await must("docker", ["cp", `${container}:${inside.stdout.trim()}`, join(folder, "opencode")]);
  return join(folder, "opencode");
}

/** A path to which opencode responds with 200 given the password, and 401 without it. */
export const PROTECTED_PATH = projectApi.sessions(50).path;

/** A project's address: a path below the gateway, or a hostname. */
export type ProjectAt = Pick<Question, "port" | "host" | "path" | "headers">;

/** The request of a call, for `ask` or `open`. */
export const question = ({ path = "", ...at }: ProjectAt, call: Call<unknown>): Question => ({
  ...at,
  path: path + call.path,
  method: call.method,
  ...(call.body === undefined ? {} : { body: call.body }),
});

/** Calls opencode's API of a project. Throws for a response that the release does not send. */
export async function callAt<Result>(at: ProjectAt, call: Call<Result>): Promise<Result> {
  return readAnswer(call, await ask(question(at, call)));
}

/** Sends a prompt, and returns the answer once the agent has finished, as JSON text. */
export async function exchange(at: ProjectAt, session: string, text: string): Promise<string> {
  let answer: unknown;
  for (const call of projectApi.exchange(session, text)) answer = await callAt<unknown>(at, call);
  return String(answer);
}

/** Reads a call's response. */
export const readAnswer = <Result>(call: Call<Result>, { status, headers, body }: Asked): Result =>
  call.read({ status, contentType: headers["content-type"], body });

/** The problem in a response to the health call; undefined for a healthy opencode. */
export function healthProblem(answer: {
  status: number;
  contentType?: string;
  body: string;
}): string | undefined {
  try {
    projectApi.health.read(answer);
    return undefined;
  } catch (error) {
    return `${(error as Error).message}: ${answer.status} ${answer.body}`;
  }
}
