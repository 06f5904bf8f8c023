import { setTimeout as sleep } from "node:timers/promises";

/** How a forge's API is asked; tests replace the parts that take time. */
export interface Transport {
  readonly fetch: typeof fetch;
  /** Waits for so many milliseconds. */
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
  /** Parsed JSON, or undefined where there is none. */
  readonly body: unknown;
}

/** A request of which nobody knows whether it was carried out: its answer never came, or told of a fault. */
export class UncertainError extends Error {}

const ATTEMPTS = 5;
const TIMEOUT_MS = 20_000;
const FIRST_DELAY_MS = 1000;
/** A forge that wants a longer pause than this is given up on: a job shouldn't sit there for an hour. */
const LONGEST_DELAY_MS = 120_000;

/**
 * Sends a request, again after a pause while the answer is 429 or 5xx, or never comes. What isn't safe to repeat (POST) is only sent again
 * when the forge says that it has not been carried out; otherwise an UncertainError lets the caller look first.
 */
export async function send(request: Request, transport: Transport): Promise<Answer> {
  for (let attempt = 1; ; attempt++) {
    const outcome = await once(request, transport);
    const isLast = attempt === ATTEMPTS;
    if ("answer" in outcome) {
      const pause = pauseWanted(outcome.answer, attempt);
      if (pause === undefined) return outcome.answer;
      const isFault = outcome.answer.status >= 500;
      if (isFault && request.method === "POST") throw new UncertainError(describe(request, outcome.answer));
      if (isLast || pause > LONGEST_DELAY_MS) return outcome.answer;
      await transport.wait(pause);
      continue;
    }
    if (request.method === "POST") throw new UncertainError(outcome.trouble);
    if (isLast) throw new Error(`${outcome.trouble}, ${ATTEMPTS} times over`);
    await transport.wait(backOff(attempt));
  }
}

/** `GET https://…/notes answered 404: 404 Not Found`. */
export function describe({ method, url }: Pick<Request, "method" | "url">, answer: Answer): string {
  const { origin, pathname } = new URL(url);
  return `${method} ${origin}${pathname} answered ${answer.status}: ${messageOf(answer.body)}`;
}

/** What a forge says of an error, in one line. */
export function messageOf(body: unknown): string {
  const { message, error, error_description: description, errors } = (body ?? {}) as Record<string, unknown>;
  const said = [message, error, description, errors]
    .filter(Boolean)
    .map((part) => (typeof part === "string" ? part : JSON.stringify(part)));
  return said.join("; ").slice(0, 500) || "without a word";
}

async function once(
  { method, url, headers, body }: Request,
  { fetch }: Transport,
): Promise<{ answer: Answer } | { trouble: string }> {
  const where = `${method} ${new URL(url).origin}${new URL(url).pathname}`;
  try {
    const response = await fetch(url, {
      method,
      headers: { ...headers, ...(body === undefined ? {} : { "content-type": "application/json" }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      redirect: "error",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const text = await response.text();
    return { answer: { status: response.status, headers: response.headers, body: parse(text) } };
  } catch (error) {
    const { message, cause } = error as Error;
    return { trouble: `${where} got no answer: ${cause instanceof Error ? cause.message : message}` };
  }
}

/** How long to wait before the request is sent again; undefined when the answer is final. */
function pauseWanted({ status, headers }: Answer, attempt: number): number | undefined {
  const after = retryAfter(headers);
  // GitHub tells of its limits by 403 too.
  const isLimit = status === 429 || (status === 403 && (after !== undefined || isSpent(headers)));
  if (isLimit) return after ?? untilReset(headers) ?? backOff(attempt);
  return status >= 500 ? (after ?? backOff(attempt)) : undefined;
}

const backOff = (attempt: number): number => FIRST_DELAY_MS * 2 ** (attempt - 1) * (0.75 + Math.random() / 2);

function retryAfter(headers: Headers): number | undefined {
  const value = headers.get("retry-after");
  if (!value) return undefined;
  const seconds = Number(value);
  if (Number.isFinite(seconds)) return Math.max(0, seconds * 1000);
  const date = Date.parse(value);
  return Number.isNaN(date) ? undefined : Math.max(0, date - Date.now());
}

const isSpent = (headers: Headers): boolean => headers.get("x-ratelimit-remaining") === "0";

function untilReset(headers: Headers): number | undefined {
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
