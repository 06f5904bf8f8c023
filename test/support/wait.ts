import { setTimeout as sleep } from "node:timers/promises";

/** A probe's result: done, with a value, or what it saw instead. */
export type Probe<T> = { readonly done: T } | { readonly seen: unknown };

export interface WaitOptions {
  /** Timeout in milliseconds. It only bounds a hang; no test's result depends on it. */
  readonly within?: number;
  readonly every?: number;
}

/**
 * Probes until it is done, or times out with a message of what was awaited and last seen. An error of the
 * probe counts as something seen.
 */
export async function waitFor<T>(
  what: string,
  probe: () => Promise<Probe<T>> | Probe<T>,
  { within = 90_000, every = 200 }: WaitOptions = {},
): Promise<T> {
  const until = performance.now() + within;
  for (;;) {
    const found = await attempt(probe);
    if ("done" in found) return found.done;
    if (performance.now() > until) {
      throw new Error(`waited ${within / 1000} s for ${what}; last seen: ${show(found.seen)}`);
    }
    await sleep(every);
  }
}

async function attempt<T>(probe: () => Promise<Probe<T>> | Probe<T>): Promise<Probe<T>> {
  try {
    return await probe();
  } catch (error) {
    return { seen: error instanceof Error ? error.message : error };
  }
}

/** Waits until a text contains the pattern, and returns it. */
export function waitForText(
  what: string,
  read: () => Promise<string> | string,
  pattern: RegExp | string,
  options?: WaitOptions,
): Promise<string> {
  return waitFor<string>(
    what,
    async () => {
      const text = await read();
      const found = typeof pattern === "string" ? text.includes(pattern) : pattern.test(text);
      return found ? { done: text } : { seen: text };
    },
    options,
  );
}

function show(value: unknown): string {
  const text = typeof value === "string" ? value : JSON.stringify(value, undefined, 2);
  return text && text.length > 4000 ? `…${text.slice(-4000)}` : String(text);
}
