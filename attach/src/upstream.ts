/** HTTP connections to the platform. */
import { Agent as HttpAgent, type IncomingHttpHeaders, request as plainRequest } from "node:http";
import { type AgentOptions, Agent as HttpsAgent, request as secureRequest } from "node:https";
import type { LookupFunction } from "node:net";
import type { Call } from "../../opencode/api/index.ts";
import { UserError } from "./errors.ts";

/** Connection options that tests replace. */
export type ConnectionOptions = Pick<AgentOptions, "lookup" | "ca">;

/** Milliseconds that an idle connection is kept: less than at the edge, so that a request rarely meets a closing one. */
const IDLE = 30_000;
/** Milliseconds for a whole response: a platform holds a request for up to 25 seconds while its project wakes. */
const TIMEOUT_MS = 30_000;
/** Maximum bytes of a response. */
const MAX_BODY_BYTES = 1024 * 1024;

export type Agent = HttpAgent | HttpsAgent;

/** Resolves names below localhost, which not every system's resolver knows. */
const toLoopback: LookupFunction = (_, { all }, done) =>
  all ? done(null, [{ address: "127.0.0.1", family: 4 }]) : done(null, "127.0.0.1", 4);

/**
 * Keeps connections to the platform open between requests. A platform elsewhere is reached through the proxy that this machine's variables name;
 * one on this machine, which alone is http, never is. Certificates beside Node's own are those of NODE_EXTRA_CA_CERTS, which Node itself reads.
 * @param env HTTPS_PROXY and NO_PROXY, in either form. Default: no proxy
 * @throws UserError (`usage`) if HTTPS_PROXY is not a URL
 */
export function makeAgent(url: URL, connection: ConnectionOptions = {}, env: NodeJS.ProcessEnv = {}): Agent {
  const local = url.hostname.endsWith(".localhost") ? { lookup: toLoopback } : {};
  const options = { ...local, ...connection, keepAlive: true, timeout: IDLE };
  if (url.protocol !== "https:") return new HttpAgent(options);
  const proxy = httpsProxy(env);
  if (!proxy) return new HttpsAgent(options);
  if (!/^https?:\/\//.test(proxy) || !URL.canParse(proxy))
    throw new UserError(
      "usage",
      "HTTPS_PROXY",
      "HTTPS_PROXY is not the URL of a proxy.",
      "Set it to one like http://proxy.example.com:3128, or unset it.",
    );
  return new HttpsAgent({ ...options, proxyEnv: env });
}

const httpsProxy = ({ https_proxy, HTTPS_PROXY }: NodeJS.ProcessEnv): string | undefined =>
  https_proxy || HTTPS_PROXY;

/** What to print where this machine's Node is too old to use its proxy: 22.21 and 24.5 were the first. */
export function proxyWarning(
  url: URL,
  env: NodeJS.ProcessEnv,
  flags: Pick<ReadonlySet<string>, "has"> = process.allowedNodeEnvironmentFlags,
): string | undefined {
  if (url.protocol !== "https:" || !httpsProxy(env) || flags.has("--use-env-proxy")) return undefined;
  return `HTTPS_PROXY is set, and Node ${process.versions.node} can't use it: Node 22.21 and newer can.`;
}

/** Variables with which a program reaches this machine's own ports beside a proxy. Empty without one. */
export function loopbackExempt(env: NodeJS.ProcessEnv): Record<string, string> {
  const names = ["http_proxy", "https_proxy", "all_proxy"].flatMap((name) => [name, name.toUpperCase()]);
  if (!names.some((name) => env[name])) return {};
  const exempt = env.no_proxy || env.NO_PROXY;
  const value = [...(exempt ? [exempt] : []), "localhost", "127.0.0.1", "::1"].join(",");
  return { no_proxy: value, NO_PROXY: value };
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** The method and body of a request; the body is sent as JSON. */
export type Sent = Pick<Call<unknown>, "method" | "body">;

/** Sends a request without following redirects. Rejects with `UserError` if unreachable. */
export function fetchText(
  url: URL,
  agent: Agent,
  credentials: Record<string, string>,
  { method, body: sent }: Sent = { method: "GET" },
): Promise<Answer> {
  const send = url.protocol === "https:" ? secureRequest : plainRequest;
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const failed = (error: Error) => reject(unreachableError(url, error));
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  const type = sent === undefined ? {} : { "content-type": "application/json" };
  const headers = { accept: "application/json", ...type, ...credentials };
  const request = send(url, { agent, method, headers, signal });
  request.on("error", failed);
  request.on("response", (response) => {
    let body = "";
    response.setEncoding("utf8");
    response.on("data", (part: string) => {
      body += part;
      if (body.length > MAX_BODY_BYTES) response.destroy(new Error("the response is larger than 1 MiB"));
    });
    response.on("error", failed);
    response.on("end", () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }));
  });
  request.end(sent === undefined ? undefined : JSON.stringify(sent));
  return promise;
}

const NETWORK_ERRORS: Record<string, string> = {
  ENOTFOUND: "hostname not found",
  EAI_AGAIN: "DNS lookup failed",
  ECONNREFUSED: "connection refused",
  ECONNRESET: "connection reset",
  ETIMEDOUT: "not responding",
  ABORT_ERR: "not responding",
};

/** The error for a failed connection, in words. */
export function unreachableError(url: URL, error: Error & { code?: string }): UserError {
  const reason = NETWORK_ERRORS[error.code ?? ""] ?? error.message;
  return new UserError(
    "unreachable",
    url.host,
    `${url.host} cannot be reached: ${reason}.`,
    "Check your network and the URL, then ask an admin of the platform.",
  );
}

/** Whether a status means that the edge has no connection to the platform (error 1033 has status 530). */
export const withoutOrigin = (status: number): boolean =>
  status === 502 || status === 504 || (status >= 520 && status <= 530);
