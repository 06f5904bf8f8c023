import * as z from "zod";
import { checkConfiguration } from "../../config/check.ts";
import { makeNames } from "../../config/naming/names.ts";
import { parseJson } from "../../config/text/json.ts";
import { plainText } from "../../config/text/plain.ts";
import type { RunDocker } from "../docker/containers.ts";
import { dockerOfStack } from "../docker/of-stack.ts";
import { root } from "../engine/checkout.ts";
import type { Job } from "./job.ts";
import { sendAlert } from "./publish.ts";

/** The program in the storage container that passes a question on to it. */
const ASK = "/usr/local/lib/opencode-platform/storage/ask";
/** Once a month, whichever night is the first that is late enough. */
const EVERY_MS = 28 * 86_400_000;
const LOOK_MS = 30_000;
/** A large project is a while on its way from the bucket. */
const TRIAL_MS = 40 * 60_000;

const status = z.object({
  result: z.object({
    backup: z
      .object({ tried: z.object({ at: z.string(), ok: z.boolean() }).optional().catch(undefined) })
      .optional()
      .catch(undefined),
  }),
});
const trial = z.object({ result: z.object({ project: z.string(), text: z.string() }) });
const failure = z.object({ error: z.object({ what: z.string(), fix: z.string().optional() }) });

/** What came of it, in a sentence; undefined where none was due. */
export type Trial = { readonly ok: boolean; readonly text: string } | undefined;

/** The last line of an answer; those before say how far it is. */
const lastOf = (stdout: string): unknown => parseJson(stdout.trim().split("\n").at(-1) ?? "");

/**
 * Restores one project into a scratch directory of the host, compares and removes it, where the last time is a month ago or has failed.
 * @param container of the storage program
 */
export async function tryOne(run: RunDocker, container: string, now = Date.now()): Promise<Trial> {
  const looked = await run(["exec", container, ASK, "status"], LOOK_MS);
  const { data, success } = status.safeParse(lastOf(looked.stdout));
  if (!success) return { ok: false, text: "the storage container does not answer" };
  const tried = data.result.backup?.tried;
  if (tried?.ok && now - Date.parse(tried.at) < EVERY_MS) return undefined;
  const answer = lastOf((await run(["exec", container, ASK, "try"], TRIAL_MS)).stdout);
  const done = trial.safeParse(answer);
  if (done.success) {
    const { project, text } = done.data.result;
    return { ok: true, text: `${plainText(project)} could be restored: ${plainText(text)}` };
  }
  const failed = failure.safeParse(answer);
  if (!failed.success) return { ok: false, text: "the storage container does not answer" };
  const { what, fix } = failed.data.error;
  return { ok: false, text: plainText([what, fix].filter(Boolean).join(" — ")) };
}

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
