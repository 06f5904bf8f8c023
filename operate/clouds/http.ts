import { setTimeout as sleep } from "node:timers/promises";
import * as z from "zod";

/** Why a cloud's API did not do what it was asked. */
export type Refusal = "credentials" | "missing" | "busy" | "refused" | "unreachable";

/** An answer of a cloud's API that is no success, in words for people. It never holds a token. */
export class CloudError extends Error {
  readonly cloud: string;
  readonly refusal: Refusal;

  constructor(cloud: string, refusal: Refusal, what: string) {
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

/** Longest that an API is waited for because it says so. */
const LONGEST_WAIT_MS = 90_000;

/**
 * Calls of one API. Both methods can be repeated without harm, so what an overloaded or failing API answers is asked for again, as
 * late as it wants.
 */
export function makeCall(options: HttpOptions): Call {
  const { cloud, retries = 4, wait = sleep } = options;
  return async (method, path, schema) => {
    for (let attempt = 0; ; attempt++) {
      const answer = await ask(options, method, path);
      if (answer.isDone) return read(cloud, path, schema, answer.body);
      if (attempt >= retries || !answer.mayPass) throw answer.error;
      await wait(answer.retryAfterMs ?? 500 * 2 ** attempt);
    }
  };
}

type Answer =
  | { isDone: true; body: unknown }
  | { isDone: false; mayPass: boolean; retryAfterMs?: number | undefined; error: CloudError };

async function ask(options: HttpOptions, method: Method, path: string): Promise<Answer> {
  const { cloud, url, token, timeoutMs = 20_000 } = options;
  const what = `${method} ${path.split("?")[0]}`;
  try {
    const response = await fetch(`${url.replace(/\/+$/, "")}${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, accept: "application/json" },
      signal: AbortSignal.timeout(timeoutMs),
    });
    const body = parseJson(await response.text());
    if (response.ok) return { isDone: true, body };
    const { status } = response;
    const said = options.explain(body).replaceAll(token, "***").trim();
    const error = new CloudError(cloud, refusalOf(status), describe(status, what, said));
    return {
      isDone: false,
      mayPass: status === 429 || status >= 500,
      retryAfterMs: retryAfter(response),
      error,
    };
  } catch (error) {
    const why = reason(error, timeoutMs).replaceAll(token, "***");
    const unreachable = new CloudError(cloud, "unreachable", `does not answer at ${url}: ${why}`);
    return { isDone: false, mayPass: true, error: unreachable };
  }
}

function refusalOf(status: number): Refusal {
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

/** How long the API wants to be left alone. */
export function retryAfter(response: Pick<Response, "headers">, now = Date.now()): number | undefined {
  const text = response.headers.get("retry-after");
  if (!text) return undefined;
  const ms = /^\d+$/.test(text.trim()) ? Number(text) * 1000 : Date.parse(text) - now;
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(ms, 0), LONGEST_WAIT_MS);
}

function reason(error: unknown, timeoutMs: number): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === "TimeoutError") return `no answer within ${timeoutMs / 1000} s`;
  const cause = error.cause instanceof Error ? error.cause.message : "";
  return cause || error.message;
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
export async function orMissing<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof CloudError && error.refusal === "missing") return undefined;
    throw error;
  }
}
