import { appendFileSync } from "node:fs";
import { sendWebhook } from "../notify/webhook.ts";
import type { Job } from "./job.ts";

/** GitHub shows at most 1 MiB for a step. */
const SUMMARY_LIMIT = 900_000;

/** Puts Markdown on the page of the run, where the forge has such a thing (GitHub). */
export function writeSummary(markdown: string, env: NodeJS.ProcessEnv = process.env): void {
  const file = env.GITHUB_STEP_SUMMARY;
  if (!file) return;
  const bytes = Buffer.from(`${markdown}\n\n`);
  appendFileSync(file, bytes.subarray(0, SUMMARY_LIMIT));
}

const WEBHOOK = "ALERT_WEBHOOK";

/** Notifies the chat of ALERT_WEBHOOK, if that is set. A chat that does not take it is reported and stops nothing. */
export async function sendAlert(
  { printError }: Pick<Job, "printError">,
  text: string,
  env: NodeJS.ProcessEnv = process.env,
): Promise<void> {
  const url = env[WEBHOOK];
  if (!url) return;
  try {
    await sendWebhook(url, text);
  } catch (error) {
    printError(`${WEBHOOK}: ${(error as Error).message}`);
  }
}
