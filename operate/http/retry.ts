/** Retries for all of operate's HTTP calls: p-retry's loop with the delays that the other side asks for. */
import { setTimeout as sleep } from "node:timers/promises";
import pRetry from "p-retry";

/** A failed attempt that may succeed later. */
export class Transient extends Error {
  /** The error to throw when no attempt is left. */
  override readonly cause: Error;
  /** Delay that the other side asks for, in milliseconds. */
  readonly pauseMs: number | undefined;

  constructor(cause: Error, pauseMs?: number) {
    super(cause.message);
    this.cause = cause;
    this.pauseMs = pauseMs;
  }
}

export interface RetryOptions {
  /** Number of retries. */
  readonly retries: number;
  /** Delay in milliseconds before a retry (counted from 0), if the other side asks for none. */
  readonly pause: (retry: number) => number;
  /** Waits for the given milliseconds; tests replace it. */
  readonly wait?: ((ms: number) => Promise<unknown>) | undefined;
}

/** Returns the result of `attempt`, repeated while it throws Transient. Throws the last attempt's error. */
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

/** Milliseconds of a Retry-After header, in seconds or as a date. Undefined if absent or invalid. */
export function retryAfter(headers: Headers, now = Date.now()): number | undefined {
  const text = headers.get("retry-after")?.trim();
  if (!text) return undefined;
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text) * 1000;
  const date = Date.parse(text);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

/** The reason of a failed fetch: its cause, or its own message. */
export function networkReason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return (error.cause instanceof Error && error.cause.message) || error.message;
}
