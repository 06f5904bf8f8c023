import { checkConfiguration } from "../../config/check.ts";
import { makeNames } from "../../config/naming/names.ts";
import type { RunDocker } from "../docker/containers.ts";
import { dockerOfStack } from "../docker/of-stack.ts";
import { root } from "../engine/checkout.ts";
import { makeStorage } from "../storage/client.ts";
import type { Job } from "./job.ts";
import { sendAlert } from "./publish.ts";

/** Once a month, whichever night is the first that is late enough. */
const EVERY_MS = 28 * 86_400_000;
const LOOK_MS = 30_000;
/** A large project is a while on its way from the bucket. */
const TRIAL_MS = 40 * 60_000;

/** What came of it, in a sentence; undefined where none was due. */
export type Trial = { readonly ok: boolean; readonly text: string } | undefined;

/**
 * Restores one project into a scratch directory of the host, compares and removes it, where the last time is a month ago or has failed.
 * @param container of the storage program
 */
export async function tryOne(run: RunDocker, container: string, now = Date.now()): Promise<Trial> {
  // What has a limit is a look.
  const storage = makeStorage((words, limitMs) => run(words, limitMs ? LOOK_MS : TRIAL_MS), container);
  const status = await storage.status();
  if (status.kind !== "answered") return NO_ANSWER;
  const tried = status.value.backup?.tried;
  if (tried?.ok && now - Date.parse(tried.at) < EVERY_MS) return undefined;
  const answer = await storage.try();
  if (answer.kind === "refused")
    return { ok: false, text: [answer.reason, answer.fix].filter(Boolean).join(" — ") };
  if (answer.kind !== "answered") return NO_ANSWER;
  const { project, text } = answer.value;
  return project && text ? { ok: true, text: `${project} could be restored: ${text}` } : NO_ANSWER;
}
const NO_ANSWER = { ok: false, text: "the storage container does not answer" } as const;

/**
 * Once a month, shows that backups can be restored, where the stack has them.
 * @returns whether nothing is wrong with them
 */
export async function tryRestore(job: Job): Promise<boolean> {
  const { session, print, printError, redact, runUrl } = job;
  const { settings } = checkConfiguration(root, session.stack);
  if (!settings.backup) return true;
  const run = await dockerOfStack(session, settings);
  const result = run && (await tryOne(run, makeNames(settings.namePrefix).storage));
  if (!result) return true;
  const line = redact(`${result.ok ? "Backups" : "A trial restore failed"}: ${result.text}.`);
  if (result.ok) print(line);
  else {
    printError(line);
    await sendAlert(job, `${session.stack}: ${line} ${runUrl ?? ""}`.trim());
  }
  return result.ok;
}
