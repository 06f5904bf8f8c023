import { setTimeout as sleep } from "node:timers/promises";
import { fail } from "../../config/errors.ts";
import { findHiddenDrift } from "../doctor/examine.ts";
import { stateMark } from "../state/mark.ts";
import { type Marker, putIssue, resolveIssue } from "./forge.ts";
import { type Job, lookAround, prepareJob } from "./job.ts";
import { code } from "./markdown.ts";
import { type Previewed, previewStack } from "./previewed.ts";
import { sendAlert, writeSummary } from "./publish.ts";
import { driftLine, fingerprint, renderDrift } from "./render.ts";

/** Exit code when something differs; 1 is for a check that did not come about. */
export const DRIFTED = 2;

/** How often it is looked again when somebody is updating the stack meanwhile, and after how long. */
const ATTEMPTS = 5;
const PAUSE_MS = 60_000;
const MARKER_ROOM = 200;

/** What was seen while nobody changed anything. */
interface Look {
  readonly previewed: Previewed;
  /** What the scripts have noticed themselves: a droplet that is gone, things that failed updates have left. */
  readonly notes: readonly string[];
}

/** Looks whether what runs is what the files say, and keeps one issue about it. */
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
    print("An update was under way all the time; what it leaves is looked at the next time.");
    return 0;
  }
  const { previewed, notes } = look;
  return previewed.plan.steps.length > 0 || notes.length > 0 ? reportDrift(job, look) : reportNoDrift(job);
}

/** A look during which the state has stayed the same: an update by another job, or from somebody's laptop, would look like drift. */
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
      // What this machine's stack is told is about the state, not about what runs.
      const notes = [
        ...(session.isLocal ? [] : noticed),
        ...hidden.map(({ text, fix }) => `${text}; to fix it: ${fix}`),
      ];
      return judge(job, { previewed, notes });
    }
    if (look < ATTEMPTS) {
      print(`An update is under way; looking again in ${PAUSE_MS / 1000} s.`);
      await sleep(PAUSE_MS);
    }
  }
  return undefined;
}

/** A preview that failed is no verdict, unless it is plain without it that something is wrong. */
function judge({ redact, print }: Job, look: Look): Look {
  const { previewed, notes } = look;
  print(redact(previewed.text));
  if (previewed.succeeded || notes.length > 0) return look;
  return fail("engine", "drift", `can't be looked for:\n${redact(previewed.explanation)}`);
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
  const told = forge && (await putIssue(forge, marker(stack, fingerprint(report)), title(stack), body));
  if (told) printError(`${forge.name}'s issue about it is ${told.outcome}: ${told.url}`);
  // A chat need not hear the same every night.
  if (told?.outcome !== "unchanged") await sendAlert({ printError }, `${line} ${told?.url ?? ""}`.trim());
  return DRIFTED;
}

async function reportNoDrift({ session, forge, runUrl, print, printError }: Job): Promise<number> {
  const { stack } = session;
  const line = `What runs in ${stack} is what the files say.`;
  print(`\n${line}`);
  writeSummary(`### No drift in ${code(stack)}`);
  const told = forge && (await resolveIssue(forge, marker(stack), `${line} ${runUrl ?? ""}`.trim()));
  if (told?.outcome === "closed") {
    print(`${forge?.name}'s issue about it is closed: ${told.url}`);
    await sendAlert({ printError }, `${line} ${told.url ?? ""}`.trim());
  }
  return 0;
}

const title = (stack: string): string => `Drift: what runs in ${stack} differs from the files`;
const marker = (stack: string, about?: string): Marker => ({
  kind: "drift",
  stack,
  ...(about ? { about } : {}),
});
