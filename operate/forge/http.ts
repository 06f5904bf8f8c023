import { setTimeout as sleep } from "node:timers/promises";
import { networkReason, retry, retryAfter, Transient } from "../http/retry.ts";

/** Sends requests to a forge; tests replace the parts that take time. */
export interface Transport {
  readonly fetch: typeof fetch;
  /** Waits for the given milliseconds. */
  readonly wait: (ms: number) => Promise<unknown>;
}

export const realTransport: Transport = { fetch: (...args) => fetch(...args), wait: (ms) => sleep(ms) };

export interface Request {
  readonly method: "GET" | "POST" | "PATCH" | "PUT";
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** Parsed JSON; undefined without any. */
  readonly body: unknown;
}

/** A request whose outcome is unknown: there was no response, or a server error. */
export class UncertainError extends Error {}

const ATTEMPTS = 5;
const TIMEOUT_MS = 20_000;
const FIRST_DELAY_MS = 1000;
/** Longest delay accepted from a forge; a job should not wait for an hour. */
const LONGEST_DELAY_MS = 120_000;

/**
 * Sends a request and retries it after a delay on 429, 5xx or no response. A POST is only retried if the
 * forge
 * reports that it was not carried out; otherwise an UncertainError lets the caller look first.
 */
export async function send(request: Request, transport: Transport): Promise<Answer> {
  let final: Answer | undefined;
  const attempt = async (): Promise<Answer> => {
    final = undefined;
    const answer = await once(request, transport);
    const pause = retryDelay(answer);
    if (pause === undefined) return answer;
    const failed = new UncertainError(describe(request, answer));
    if (answer.status >= 500 && request.method === "POST") throw failed;
    final = answer;
    if (pause !== "any" && pause > LONGEST_DELAY_MS) return answer;
    throw new Transient(failed, pause === "any" ? undefined : pause);
  };
  try {
    return await retry(attempt, { retries: ATTEMPTS - 1, pause: backOff, wait: transport.wait });
  } catch (error) {
    if (final) return final;
    throw error;
  }
}

/** `GET https://…/notes answered 404: 404 Not Found`. */
export function describe({ method, url }: Pick<Request, "method" | "url">, answer: Answer): string {
  const { origin, pathname } = new URL(url);
  return `${method} ${origin}${pathname} answered ${answer.status}: ${messageOf(answer.body)}`;
}

/** A forge's error message on one line. */
export function messageOf(body: unknown): string {
  const { message, error, error_description: description, errors } = (body ?? {}) as Record<string, unknown>;
  const said = [message, error, description, errors]
    .filter(Boolean)
    .map((part) => (typeof part === "string" ? part : JSON.stringify(part)));
  return said.join("; ").slice(0, 500) || "without a message";
}

async function once({ method, url, headers, body }: Request, { fetch }: Transport): Promise<Answer> {
  try {
    const response = await fetch(url, {
      method,
      headers: { ...headers, ...(body === undefined ? {} : { "content-type": "application/json" }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      redirect: "error",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, body: parse(text) };
  } catch (error) {
    const { origin, pathname } = new URL(url);
    const trouble = `${method} ${origin}${pathname} got no response: ${networkReason(error)}`;
    if (method === "POST") throw new UncertainError(trouble);
    throw new Transient(new Error(`${trouble}, ${ATTEMPTS} times over`));
  }
}

/** Delay before the request can be repeated, if the forge sends one; undefined if the response is final. */
function retryDelay({ status, headers }: Answer): number | "any" | undefined {
  const after = retryAfter(headers);
  // GitHub also uses 403 for its rate limits.
  const isLimit = status === 429 || (status === 403 && (after !== undefined || isRateLimited(headers)));
  if (isLimit) return after ?? msUntilReset(headers) ?? "any";
  return status >= 500 ? (after ?? "any") : undefined;
}

/** @param retry counted from 0 */
const backOff = (retry: number): number => FIRST_DELAY_MS * 2 ** retry * (0.75 + Math.random() / 2);

const isRateLimited = (headers: Headers): boolean => headers.get("x-ratelimit-remaining") === "0";

function msUntilReset(headers: Headers): number | undefined {
  const reset = Number(headers.get("x-ratelimit-reset") ?? headers.get("ratelimit-reset"));
  return reset > 0 ? Math.max(1000, reset * 1000 - Date.now()) : undefined;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
