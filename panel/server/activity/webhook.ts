/** Tells a webhook of Slack's or Discord's kind. Its address is a secret: it is in no error and no log. */
import { setTimeout as sleep } from "node:timers/promises";

/** Milliseconds. */
const TIMEOUT_MS = 10_000;
const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 60_000;
const TRIES = 5;
/** Characters that Discord takes. */
const LONGEST = 1900;

export interface WebhookOptions {
  readonly fetch?: typeof fetch;
  /** Waits some milliseconds. */
  readonly wait?: (ms: number) => Promise<void>;
}

/** Sends a text. @throws Error, without the address, when it was not taken */
export async function tellWebhook(url: string, text: string, options: WebhookOptions = {}): Promise<void> {
  const { fetch: send = fetch, wait = (ms) => sleep(ms) } = options;
  let failure = "";
  for (let tries = 1; tries <= TRIES; tries++) {
    const result = await attempt(url, text, send);
    if (result === "taken") return;
    failure = result.failure;
    if (!result.isPassing) break;
    if (tries < TRIES) await wait(Math.min(result.wait ?? FIRST_WAIT_MS * 2 ** (tries - 1), LONGEST_WAIT_MS));
  }
  throw new Error(`The webhook was not told: ${failure}`);
}

interface Failure {
  readonly failure: string;
  /** Whether it may go better later. */
  readonly isPassing: boolean;
  readonly wait?: number;
}

async function attempt(url: string, text: string, send: typeof fetch): Promise<"taken" | Failure> {
  let response: Response;
  try {
    response = await send(url, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(bodyOf(text)),
      redirect: "error",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    await response.body?.cancel();
  } catch (error) {
    const isTimeout = error instanceof Error && error.name === "TimeoutError";
    return { failure: isTimeout ? "it did not answer in time" : "it cannot be reached", isPassing: true };
  }
  if (response.ok) return "taken";
  const wait = retryAfter(response.headers.get("retry-after"), Date.now());
  return {
    failure: `it answered ${response.status}`,
    isPassing: response.status === 429 || response.status >= 500,
    ...(wait === undefined ? {} : { wait }),
  };
}

/** `text` is Slack's, the others are Discord's; each leaves the other's alone. Nobody is mentioned, whatever the text says. */
export function bodyOf(text: string): object {
  const short = text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
  const escaped = short.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
  return { text: escaped, content: short, allowed_mentions: { parse: [] } };
}

/** Milliseconds that a Retry-After header asks to wait: seconds, or a date. */
export function retryAfter(header: string | null, now: number): number | undefined {
  if (header === null) return undefined;
  if (/^\d+(\.\d+)?$/.test(header.trim())) return Number(header) * 1000;
  const date = Date.parse(header);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}
