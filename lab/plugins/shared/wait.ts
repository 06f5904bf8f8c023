/** Waits for slow operations. */

/** Waits, unless the operation is aborted. */
export function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      clearTimeout(timer);
      reject(new Error("cancelled"));
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", stop);
      resolve();
    }, milliseconds);
    signal.addEventListener("abort", stop, { once: true });
  });
}

const FIRST_MS = 250;
const LONGEST_MS = 5000;
const GROWTH = 1.5;

/** Timeout of a wait. */
export interface Timeout {
  readonly seconds: number;
  readonly signal: AbortSignal;
}

/**
 * Polls with growing intervals until there is a result. `state` describes the progress in the timeout's
 * error.
 */
export async function until<T>(
  { seconds, signal }: Timeout,
  ask: () => Promise<{ readonly done: T } | { readonly state: string }>,
): Promise<T> {
  const deadline = Date.now() + seconds * 1000;
  for (let wait = FIRST_MS; ; wait = Math.min(wait * GROWTH, LONGEST_MS)) {
    const answer = await ask();
    if ("done" in answer) return answer.done;
    if (Date.now() > deadline) throw new Error(`not done within ${seconds} s (${answer.state})`);
    await pause(wait, signal);
  }
}
