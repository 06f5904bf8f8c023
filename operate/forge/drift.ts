import { setTimeout as sleep } from "node:timers/promises";
import { fail } from "../../config/errors.ts";
import { findHiddenDrift } from "../doctor/examine.ts";
import { stateMark } from "../state/mark.ts";
import { type Marker, putIssue, resolveIssue } from "./forge.ts";
import { type Job, lookAround, prepareJob } from "./job.ts";
import { code } from "./markdown.ts";
import { type Previewed, previewStack } from "./previewed.ts";
import { sendAlert, writeSummary } from "./publish.ts";
import { proposeRefresh } from "./refresh.ts";
import { driftLine, fingerprint, renderDrift } from "./render.ts";
import { tryRestore } from "./trial.ts";

/** Exit code for drift; 1 is for a check that failed, or backups that can't be restored. */
export const DRIFTED = 2;

/** Attempts, and the delay between them, when an update is running meanwhile. */
const ATTEMPTS = 5;
const PAUSE_MS = 60_000;
const MARKER_ROOM = 200;

/** A look without an update in between. */
interface Look {
  readonly previewed: Previewed;
  /** Findings of the scripts themselves: a lost droplet, strays. */
  readonly notes: readonly string[];
}

/** Checks whether what runs matches the files, and maintains one issue about it. */
export async function driftJob(job: Job): Promise<number> {
  const { session, runUrl, print } = job;
  let look: Look | undefined;
  try {
    look = await checkUndisturbed(job);
  } catch (error) {
    await sendAlert(job, `The drift check of ${session.stack} failed. ${runUrl ?? ""}`.trim());
    throw error;
  }
  if (!look) {
    print("An update was running the whole time; the next run checks its result.");
    return 0;
  }
  const { previewed, notes } = look;
  // Else the host may not answer.
  if (previewed.succeeded) await proposeRefresh(job);
  const canRestore = previewed.succeeded ? await tryRestore(job) : true;
  const hasDrift = previewed.plan.steps.length > 0 || notes.length > 0;
  const code = hasDrift ? await reportDrift(job, look) : await reportNoDrift(job);
  return code === 0 && !canRestore ? 1 : code;
}

/**
 * A look during which the state did not change: an update by another job or from a laptop would look like
 * drift.
 */
async function checkUndisturbed(job: Job): Promise<Look | undefined> {
  const { session, print } = job;
  await prepareJob(job);
  for (let look = 1; look <= ATTEMPTS; look++) {
    const before = await stateMark(session);
    if (before.isEmpty)
      fail("config", `stack ${session.stack}`, "has never been applied", "run the pipeline's up first");
    const noticed = await lookAround(job, "preview");
    const previewed = await previewStack(session, { refresh: true });
    const hidden = previewed.succeeded ? await findHiddenDrift(session) : [];
    const after = await stateMark(session);
    if (before.mark === after.mark && !after.isUnderWay) {
      // Notices about this machine's stack concern the state, not what runs.
      const notes = [
        ...(session.isLocal ? [] : noticed),
        ...hidden.map(({ text, fix }) => `${text}; to fix it: ${fix}`),
      ];
      return judge(job, { previewed, notes });
    }
    if (look < ATTEMPTS) {
      print(`An update is running; trying again in ${PAUSE_MS / 1000} s.`);
      await sleep(PAUSE_MS);
    }
  }
  return undefined;
}

/** A failed preview is no result, unless drift was found without it. */
function judge({ redact, print }: Job, look: Look): Look {
  const { previewed, notes } = look;
  print(redact(previewed.text));
  if (previewed.succeeded || notes.length > 0) return look;
  return fail("engine", "drift", `can't be checked:\n${redact(previewed.explanation)}`);
}

async function reportDrift(
  { session, forge, runUrl, redact, printError }: Job,
  { previewed, notes }: Look,
): Promise<number> {
  const { stack } = session;
  const limit = (forge?.limit ?? 1_000_000) - MARKER_ROOM;
  const explanation = previewed.succeeded ? "" : previewed.explanation;
  const report = { stack, ...previewed, explanation, notes, runUrl };
  const body = redact(renderDrift(report, limit));
  const line = redact(`What runs in ${stack} differs from the files: ${driftLine(report)}.`);
  writeSummary(body);
  printError(`\n${line}`);
  const issue = forge && (await putIssue(forge, marker(stack, fingerprint(report)), title(stack), body));
  if (issue) printError(`${forge.name}'s issue about it is ${issue.outcome}: ${issue.url}`);
  // An unchanged issue is not repeated in the chat.
  if (issue?.outcome !== "unchanged") await sendAlert({ printError }, `${line} ${issue?.url ?? ""}`.trim());
  return DRIFTED;
}

async function reportNoDrift({ session, forge, runUrl, print, printError }: Job): Promise<number> {
  const { stack } = session;
  const line = `What runs in ${stack} matches the files.`;
  print(`\n${line}`);
  writeSummary(`### No drift in ${code(stack)}`);
  const issue = forge && (await resolveIssue(forge, marker(stack), `${line} ${runUrl ?? ""}`.trim()));
  if (issue?.outcome === "closed") {
    print(`${forge?.name}'s issue about it is closed: ${issue.url}`);
    await sendAlert({ printError }, `${line} ${issue.url ?? ""}`.trim());
  }
  return 0;
}

const title = (stack: string): string => `Drift: what runs in ${stack} differs from the files`;
const marker = (stack: string, about?: string): Marker => ({
  kind: "drift",
  stack,
  ...(about ? { about } : {}),
});
