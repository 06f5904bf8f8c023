import * as z from "zod";
import { networkReason, retry, retryAfter, Transient } from "../http/retry.ts";

/** Why a cloud's API did not do what it was asked. */
export type ErrorKind = "credentials" | "missing" | "busy" | "refused" | "unreachable";

/** An answer of a cloud's API that is no success, in words for people. It never holds a token. */
export class CloudError extends Error {
  readonly cloud: string;
  readonly refusal: ErrorKind;

  constructor(cloud: string, refusal: ErrorKind, what: string) {
    super(`${cloud} ${what}`);
    this.name = "CloudError";
    this.cloud = cloud;
    this.refusal = refusal;
  }
}

export interface HttpOptions {
  /** `DigitalOcean`, for people. */
  cloud: string;
  /** Address of the API, to which paths are appended. */
  url: string;
  token: string;
  /** What an error's body says, in words. */
  explain: (body: unknown) => string;
  /** Time for one answer. */
  timeoutMs?: number;
  /** How often an answer that may be another one later is asked for again. */
  retries?: number;
  wait?: (ms: number) => Promise<unknown>;
}

type Method = "GET" | "DELETE";
export type Call = <T>(method: Method, path: string, schema: z.ZodType<T>) => Promise<T>;

/** Longest that an API is waited for because it asks for it. */
const LONGEST_WAIT_MS = 90_000;

/** Calls of one API. Both methods can be repeated without harm, so an overloaded or failing API is asked again, as late as it wants. */
export function makeCall(options: HttpOptions): Call {
  const { cloud, retries = 4, wait } = options;
  return async (method, path, schema) => {
    const body = await retry(() => ask(options, method, path), {
      retries,
      pause: (number) => 500 * 2 ** number,
      wait,
    });
    return read(cloud, path, schema, body);
  };
}

async function ask(options: HttpOptions, method: Method, path: string): Promise<unknown> {
  const { cloud, url, token, timeoutMs = 20_000 } = options;
  const { status, ok, headers, body } = await send(options, method, path).catch((error: unknown) => {
    const isTimeout = error instanceof Error && error.name === "TimeoutError";
    const why = isTimeout ? `no answer within ${timeoutMs / 1000} s` : networkReason(error);
    const what = `does not answer at ${url}: ${why.replaceAll(token, "***")}`;
    throw new Transient(new CloudError(cloud, "unreachable", what));
  });
  if (ok) return body;
  const said = options.explain(body).replaceAll(token, "***").trim();
  const what = describe(status, `${method} ${path.split("?")[0]}`, said);
  const error = new CloudError(cloud, errorKindOf(status), what);
  throw status === 429 || status >= 500 ? new Transient(error, cappedRetryAfter(headers)) : error;
}

async function send({ url, token, timeoutMs = 20_000 }: HttpOptions, method: Method, path: string) {
  const response = await fetch(`${url.replace(/\/+$/, "")}${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, accept: "application/json" },
    signal: AbortSignal.timeout(timeoutMs),
  });
  const { status, ok, headers } = response;
  return { status, ok, headers, body: parseJson(await response.text()) };
}

function errorKindOf(status: number): ErrorKind {
  if (status === 401 || status === 403) return "credentials";
  if (status === 404) return "missing";
  return status === 409 || status === 412 || status === 422 ? "busy" : "refused";
}

function describe(status: number, what: string, said: string): string {
  const quote = said ? `: ${said}` : "";
  if (status === 401) return `does not take the token (401)${quote}`;
  if (status === 403) return `does not let this token do ${what} (403)${quote}`;
  if (status === 429) return `has had too many calls (429)${quote}`;
  return `answers ${what} with ${status}${quote}`;
}

/** How long the API wants to be left alone, up to what it is waited for. */
export function cappedRetryAfter(headers: Headers, now = Date.now()): number | undefined {
  const pause = retryAfter(headers, now);
  return pause === undefined ? undefined : Math.min(pause, LONGEST_WAIT_MS);
}

function read<T>(cloud: string, path: string, schema: z.ZodType<T>, body: unknown): T {
  const result = schema.safeParse(body);
  if (result.success) return result.data;
  const what = z.prettifyError(result.error).split("\n").slice(0, 2).join(" ");
  throw new CloudError(
    cloud,
    "refused",
    `answers ${path.split("?")[0]} in a form that is not known here: ${what}`,
  );
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** `undefined` for what is not there. */
export async function undefinedIfMissing<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof CloudError && error.refusal === "missing") return undefined;
    throw error;
  }
}
