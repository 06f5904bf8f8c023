/** Calls of a cloud's HTTP API: JSON, retries with back-off, and a timeout for every call. */
import { isPlainProps, type Plain, type PlainProps } from "./values.ts";
import { pause, type Timeout, until } from "./wait.ts";

/** The specifics of an API. */
export interface Dialect {
  readonly base: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Number of retries after a transient failure. */
  readonly retries: number;
  readonly waitMinMs: number;
  readonly waitMaxMs: number;
  /** Timeout of one response. Default: 30 s. */
  readonly timeoutMs?: number;
  /** Whether a status is transient. */
  passing(status: number): boolean;
  /** The API's message in an error's body. */
  words(body: Plain, text: string, status: number): string;
}

/** An error response of the API. */
export class ApiError extends Error {
  readonly status: number;
  constructor(message: string, status: number) {
    super(message);
    this.name = "ApiError";
    this.status = status;
  }
}

/** Awaits a response; an error starts with `what`. */
export async function doing<T>(what: string, answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    const message = `${what}: ${error instanceof Error ? error.message : String(error)}`;
    throw error instanceof ApiError ? new ApiError(message, error.status) : new Error(message);
  }
}

/** Awaits a response; undefined if the resource does not exist. */
export async function ifFound<T>(what: string, answer: Promise<T>): Promise<T | undefined> {
  try {
    return await doing(what, answer);
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return undefined;
    throw error;
  }
}

/** Retries until the API no longer rejects the call because of another operation. */
export function insist<T>(
  what: string,
  timeout: Timeout,
  busy: (error: ApiError) => boolean,
  ask: () => Promise<T>,
): Promise<T> {
  const attempt = async (): Promise<{ done: T } | { state: string }> => {
    try {
      return { done: await ask() };
    } catch (error) {
      if (!(error instanceof ApiError && busy(error))) throw error;
      return { state: error.message };
    }
  };
  return doing(what, until(timeout, attempt));
}

const TIMEOUT_MS = 30_000;

/** A client of an API. */
export class Rest {
  private readonly dialect: Dialect;

  constructor(dialect: Dialect) {
    this.dialect = dialect;
  }

  /** The signal ends the delay between attempts; a sent call is never aborted, as it may be carried out. */
  async call(method: string, path: string, signal: AbortSignal, body?: unknown): Promise<Plain> {
    const url = `${this.dialect.base.replace(/\/+$/, "")}${path}`;
    for (let attempt = 0; ; attempt++) {
      signal.throwIfAborted();
      const last = attempt === this.dialect.retries;
      const outcome = await this.once(method, url, body);
      if (outcome instanceof Response) {
        if (last || !this.dialect.passing(outcome.status)) return this.read(method, url, outcome, attempt);
      } else if (last || !outcome.again) {
        throw new Error(`${method} ${url}: ${outcome.reason}`);
      }
      await pause(this.delay(attempt, outcome instanceof Response ? outcome : undefined), signal);
    }
  }

  /** A call whose response is an object. */
  async object(method: string, path: string, signal: AbortSignal, body?: unknown): Promise<PlainProps> {
    const answer = await this.call(method, path, signal, body);
    return isPlainProps(answer) ? answer : {};
  }

  private async once(
    method: string,
    url: string,
    body: unknown,
  ): Promise<Response | { reason: string; again: boolean }> {
    const { timeoutMs = TIMEOUT_MS } = this.dialect;
    const json = body === undefined ? {} : { "Content-Type": "application/json" };
    try {
      const response = await fetch(url, {
        method,
        headers: { Accept: "application/json", ...this.dialect.headers, ...json },
        signal: AbortSignal.timeout(timeoutMs),
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      // Includes the body, so that the timeout covers one that never ends.
      const content = response.status === 204 ? null : await response.arrayBuffer();
      return new Response(content, { status: response.status, headers: response.headers });
    } catch (error) {
      if (!(error instanceof Error) || error.name !== "TimeoutError")
        return { reason: reasonOf(error), again: true };
      const reason = `no response within ${timeoutMs / 1000} s`;
      if (method === "GET") return { reason, again: true };
      return { reason: `${reason}; it may have been carried out`, again: false };
    }
  }

  private async read(method: string, url: string, response: Response, attempt: number): Promise<Plain> {
    const text = await response.text();
    const answer = parsed(text);
    if (response.ok) {
      if (answer === undefined && text !== "")
        throw new Error(`${method} ${url}: the response isn't JSON; check the address`);
      return answer ?? null;
    }
    const words = this.dialect.words(answer ?? null, text, response.status);
    const tries = attempt > 0 ? `; giving up after ${attempt + 1} attempts` : "";
    throw new ApiError(`${method} ${url}: ${response.status} ${words}${tries}`, response.status);
  }

  /** The API's Retry-After, or an exponential delay. */
  private delay(attempt: number, response: Response | undefined): number {
    const { waitMinMs, waitMaxMs } = this.dialect;
    return retryAfterMs(response) ?? Math.min(waitMinMs * 2 ** attempt, waitMaxMs);
  }
}

const RETRY_AFTER_MAX_MS = 300_000;

/** The header's seconds or date, in milliseconds. */
export function retryAfterMs(response: Response | undefined): number | undefined {
  const header = response?.headers.get("Retry-After");
  if (header === undefined || header === null || header === "") return undefined;
  const ms = /^\d+(\.\d+)?$/.test(header) ? Number(header) * 1000 : Date.parse(header) - Date.now();
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(ms, 0), RETRY_AFTER_MAX_MS);
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // fetch's own message is "fetch failed"; the reason is in its cause.
  const { cause } = error;
  return cause instanceof Error && cause.message !== "" ? cause.message : error.message;
}

function parsed(text: string): Plain | undefined {
  try {
    return JSON.parse(text) as Plain;
  } catch {
    return undefined;
  }
}
