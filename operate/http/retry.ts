/** The one retry of whatever operate asks over HTTP: p-retry's loop, with the pauses that the other side asks for. */
import { setTimeout as sleep } from "node:timers/promises";
import pRetry from "p-retry";

/** An attempt that failed and may succeed later. */
export class Transient extends Error {
  /** What is thrown once no attempt is left. */
  override readonly cause: Error;
  /** How long the other side wants to be left alone, in milliseconds. */
  readonly pauseMs: number | undefined;

  constructor(cause: Error, pauseMs?: number) {
    super(cause.message);
    this.cause = cause;
    this.pauseMs = pauseMs;
  }
}

export interface RetryOptions {
  /** How often a failed attempt is repeated. */
  readonly retries: number;
  /** Pause in milliseconds before the retry of that number, from 0, where the other side asks for none. */
  readonly pause: (retry: number) => number;
  /** Waits so many milliseconds; tests replace it. */
  readonly wait?: ((ms: number) => Promise<unknown>) | undefined;
}

/** The result of `attempt`, which is repeated while it throws Transient. Throws what the last attempt failed with. */
export async function retry<T>(
  attempt: () => Promise<T>,
  { retries, pause, wait = sleep }: RetryOptions,
): Promise<T> {
  try {
    return await pRetry(attempt, {
      retries,
      minTimeout: 0,
      shouldRetry: async ({ error, retriesConsumed }) => {
        if (!(error instanceof Transient)) return false;
        await wait(error.pauseMs ?? pause(retriesConsumed));
        return true;
      },
    });
  } catch (error) {
    throw error instanceof Transient ? error.cause : error;
  }
}

/** Milliseconds that a Retry-After header asks to wait: seconds, or a date. Undefined where there is none that can be read. */
export function retryAfter(headers: Headers, now = Date.now()): number | undefined {
  const text = headers.get("retry-after")?.trim();
  if (!text) return undefined;
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text) * 1000;
  const date = Date.parse(text);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

/** What is at fault when fetch has thrown: the cause that it names, else its own message. */
export function networkReason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return (error.cause instanceof Error && error.cause.message) || error.message;
}
