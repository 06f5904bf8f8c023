import * as z from "zod";
import { networkReason, retry, retryAfter, Transient } from "../http/retry.ts";

/** Why a call of a cloud's API failed. */
export type ErrorKind = "credentials" | "missing" | "busy" | "refused" | "unreachable";

/** A failed call of a cloud's API. Its message is for people and never contains a token. */
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
  /** Display name, such as `DigitalOcean`. */
  cloud: string;
  /** Base URL; paths are appended. */
  url: string;
  token: string;
  /** Extracts the message from an error's body. */
  explain: (body: unknown) => string;
  /** Timeout of one response. */
  timeoutMs?: number;
  /** Retries of a call that may succeed later. */
  retries?: number;
  wait?: (ms: number) => Promise<unknown>;
}

type Method = "GET" | "DELETE";
export type Call = <T>(method: Method, path: string, schema: z.ZodType<T>) => Promise<T>;

/** Longest delay accepted from the API. */
const LONGEST_WAIT_MS = 90_000;

/**
 * Makes calls of one API. Both methods are idempotent: a busy or failing API is retried after the delay it
 * asks for.
 */
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
    const why = isTimeout ? `no response within ${timeoutMs / 1000} s` : networkReason(error);
    const what = `is not responding at ${url}: ${why.replaceAll(token, "***")}`;
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
  if (status === 401) return `rejected the token (401)${quote}`;
  if (status === 403) return `does not allow this token ${what} (403)${quote}`;
  if (status === 429) return `is limiting the rate of calls (429)${quote}`;
  return `answered ${what} with ${status}${quote}`;
}

/** Delay that the API asks for, at most the longest accepted. */
export function cappedRetryAfter(headers: Headers, now = Date.now()): number | undefined {
  const pause = retryAfter(headers, now);
  return pause === undefined ? undefined : Math.min(pause, LONGEST_WAIT_MS);
}

function read<T>(cloud: string, path: string, schema: z.ZodType<T>, body: unknown): T {
  const result = schema.safeParse(body);
  if (result.success) return result.data;
  const what = z.prettifyError(result.error).split("\n").slice(0, 2).join(" ");
  throw new CloudError(cloud, "refused", `sent an unexpected response for ${path.split("?")[0]}: ${what}`);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** `undefined` for a resource that was not found. */
export async function undefinedIfMissing<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof CloudError && error.refusal === "missing") return undefined;
    throw error;
  }
}
