/** Sends text to a chat's incoming webhook. Its address is a secret: it is in no error and no log. */
import { retry, retryAfter, Transient } from "../http/retry.ts";

/** Milliseconds. */
const TIMEOUT_MS = 10_000;
const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 60_000;
const RETRIES = 4;
/** Discord's limit in characters. */
const LONGEST = 1900;

export interface WebhookOptions {
  readonly fetch?: typeof fetch;
  /** Waits for the given milliseconds. */
  readonly wait?: (ms: number) => Promise<void>;
}

/**
 * Sends text in a form that Slack, Mattermost, Rocket.Chat and Discord accept.
 * @throws Error, without the address, if it was not accepted
 */
export async function sendWebhook(
  url: string,
  text: string,
  { fetch: send = fetch, wait }: WebhookOptions = {},
): Promise<void> {
  const protocol = URL.canParse(url) ? new URL(url).protocol : "";
  if (protocol !== "https:" && protocol !== "http:") throw failure("it is not an http(s) URL");
  await retry(() => attempt(url, text, send), {
    retries: RETRIES,
    pause: (number) => FIRST_PAUSE_MS * 2 ** number,
    wait,
  });
}

const failure = (why: string): Error => new Error(`Could not notify the webhook: ${why}`);

async function attempt(url: string, text: string, send: typeof fetch): Promise<void> {
  const response = await post(url, text, send);
  if (response.ok) return;
  const refused = failure(`it answered ${response.status}`);
  if (response.status !== 429 && response.status < 500) throw refused;
  const pause = retryAfter(response.headers);
  throw new Transient(refused, pause === undefined ? undefined : Math.min(pause, LONGEST_PAUSE_MS));
}

async function post(url: string, text: string, send: typeof fetch): Promise<Response> {
  try {
    const response = await send(url, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(bodyOf(text)),
      redirect: "error",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    await response.body?.cancel();
    return response;
  } catch (error) {
    const isTimeout = error instanceof Error && error.name === "TimeoutError";
    throw new Transient(failure(isTimeout ? "it timed out" : "it is unreachable"));
  }
}

/** `text` is for Slack, the rest for Discord; each ignores the other's. The text can't mention anyone. */
export function bodyOf(text: string): object {
  const short = text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
  const escaped = short.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
  return { text: escaped, content: short, allowed_mentions: { parse: [] } };
}
