/** How the platform is reached, and what its answers mean. */
import { Agent as HttpAgent, type IncomingHttpHeaders, get as plainGet } from "node:http";
import { type AgentOptions, Agent as HttpsAgent, get as secureGet } from "node:https";
import type { LookupFunction } from "node:net";
import { UserError } from "./errors.ts";

/** What tests replace: `lookup` and `ca` of the connections. */
export type ConnectionOptions = Pick<AgentOptions, "lookup" | "ca">;

/** Milliseconds that an idle connection is kept: less than the edge does, so that a request seldom meets one that is being closed. */
const IDLE = 30_000;
/** Milliseconds that an answer of a few lines may take. */
const TIMEOUT_MS = 20_000;
/** Bytes that are read of an answer. */
const MAX_BODY_BYTES = 1024 * 1024;

export type Agent = HttpAgent | HttpsAgent;

/** Names below localhost are this machine, which not every system's resolver knows. */
const toLoopback: LookupFunction = (_, { all }, done) =>
  all ? done(null, [{ address: "127.0.0.1", family: 4 }]) : done(null, "127.0.0.1", 4);

/** Keeps connections to the platform open between requests. */
export function makeAgent(url: URL, connection: ConnectionOptions = {}): Agent {
  const local = url.hostname.endsWith(".localhost") ? { lookup: toLoopback } : {};
  const options = { ...local, ...connection, keepAlive: true, timeout: IDLE };
  return url.protocol === "https:" ? new HttpsAgent(options) : new HttpAgent(options);
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** Asks for one resource, following no redirects. Fails with `UserError` where nothing answers. */
export function fetchText(url: URL, agent: Agent, headers: Record<string, string>): Promise<Answer> {
  const get = url.protocol === "https:" ? secureGet : plainGet;
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const failed = (error: Error) => reject(unreachableError(url, error));
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  const request = get(url, { agent, headers: { accept: "application/json", ...headers }, signal });
  request.on("error", failed);
  request.on("response", (response) => {
    let body = "";
    response.setEncoding("utf8");
    response.on("data", (part: string) => {
      body += part;
      if (body.length > MAX_BODY_BYTES) response.destroy(new Error("the answer has no end"));
    });
    response.on("error", failed);
    response.on("end", () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }));
  });
  return promise;
}

const NETWORK_ERRORS: Record<string, string> = {
  ENOTFOUND: "its name is not known",
  EAI_AGAIN: "names cannot be looked up",
  ECONNREFUSED: "the connection is refused",
  ECONNRESET: "the connection is cut",
  ETIMEDOUT: "it does not answer",
  ABORT_ERR: "it does not answer",
};

/** Why nothing answers, for a person. */
export function unreachableError(url: URL, error: Error & { code?: string }): UserError {
  const reason = NETWORK_ERRORS[error.code ?? ""] ?? error.message;
  return new UserError(
    "unreachable",
    url.host,
    `${url.host} cannot be reached: ${reason}.`,
    "Look at your network and at the URL; if both are right, ask whoever runs the platform.",
  );
}

/** Whether the edge says that it has no way to the platform (`1033` is a 530). */
export const withoutOrigin = (status: number): boolean =>
  status === 502 || status === 504 || (status >= 520 && status <= 530);
