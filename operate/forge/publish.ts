import { appendFileSync } from "node:fs";
import { sendWebhook } from "../notify/webhook.ts";
import type { Job } from "./job.ts";

/** GitHub shows at most 1 MiB per step. */
const SUMMARY_LIMIT = 900_000;

/** Adds Markdown to the run's summary page, if the forge has one (GitHub). */
export function writeSummary(markdown: string, env: NodeJS.ProcessEnv = process.env): void {
  const file = env.GITHUB_STEP_SUMMARY;
  if (!file) return;
  const bytes = Buffer.from(`${markdown}\n\n`);
  appendFileSync(file, bytes.subarray(0, SUMMARY_LIMIT));
}

const WEBHOOK = "ALERT_WEBHOOK";

/** Notifies the chat of ALERT_WEBHOOK, if set. A failure is reported and otherwise ignored. */
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
