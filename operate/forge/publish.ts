import { appendFileSync } from "node:fs";

/** GitHub shows at most 1 MiB for a step. */
const SUMMARY_LIMIT = 900_000;

/** Puts Markdown on the page of the run, where the forge has such a thing (GitHub). */
export function summarise(markdown: string, env: NodeJS.ProcessEnv = process.env): void {
  const file = env.GITHUB_STEP_SUMMARY;
  if (!file) return;
  const bytes = Buffer.from(`${markdown}\n\n`);
  appendFileSync(file, bytes.subarray(0, SUMMARY_LIMIT));
}

const WEBHOOK = "ALERT_WEBHOOK";

/**
 * Tells a chat, if ALERT_WEBHOOK is set: `{"text": …}`, which Slack, Mattermost, Rocket.Chat and Discord (with `/slack`) take. A chat
 * that does not answer is said here and stops nothing.
 */
export async function alert(text: string, env: NodeJS.ProcessEnv = process.env): Promise<void> {
  const url = env[WEBHOOK];
  if (!url) return;
  const trouble = await post(url, text);
  // Its address is a secret, so it isn't said.
  if (trouble) console.error(`${WEBHOOK}: the alert could not be delivered: ${trouble}`);
}

async function post(url: string, text: string): Promise<string | undefined> {
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) return "it is no http(s) URL";
  try {
    const response = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ text }),
      signal: AbortSignal.timeout(20_000),
    });
    return response.ok ? undefined : `it answered ${response.status}`;
  } catch (error) {
    const { cause, name } = error as Error;
    return cause instanceof Error && "code" in cause ? String(cause.code) : name;
  }
}
