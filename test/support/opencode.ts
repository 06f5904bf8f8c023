import { join } from "node:path";
import { type Call, projectApi } from "../../opencode/api/index.ts";
import { type Asked, ask, type Question } from "./http.ts";
import { must } from "./run.ts";

/** opencode's own binary, copied out of a project's container into a folder: the same release that serves. */
export async function opencodeBinary(container: string, folder: string): Promise<string> {
  const inside = await must("docker", ["exec", container, "readlink", "-f", "/usr/local/bin/opencode"]);
  await must("docker", ["cp", `${container}:${inside.stdout.trim()}`, join(folder, "opencode")]);
  return join(folder, "opencode");
}

/** A path that opencode answers with 200 to whoever has the password, and with 401 to anybody else. */
export const PROTECTED_PATH = projectApi.sessions(50).path;

/** Where a project is reached: a path below the gateway, or a hostname. */
export type ProjectAt = Pick<Question, "port" | "host" | "path" | "headers">;

/** The request of a call, to be made by `ask` or `open`. */
export const question = ({ path = "", ...at }: ProjectAt, call: Call<unknown>): Question => ({
  ...at,
  path: path + call.path,
  method: call.method,
  ...(call.body === undefined ? {} : { body: call.body }),
});

/** Makes a call of opencode's API at a project. Throws for an answer that the release does not give. */
export async function callAt<Result>(at: ProjectAt, call: Call<Result>): Promise<Result> {
  return readAnswer(call, await ask(question(at, call)));
}

/** Reads an answer of a call. */
export const readAnswer = <Result>(call: Call<Result>, { status, headers, body }: Asked): Result =>
  call.read({ status, contentType: headers["content-type"], body });

/** What is wrong with an answer to the question for health; undefined for a healthy opencode's. */
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
