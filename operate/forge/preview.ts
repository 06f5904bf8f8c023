import { resolve } from "node:path";
import { root } from "../engine/checkout.ts";
import { putComment } from "./forge.ts";
import { explained, type Job, lookAround, prepareJob } from "./job.ts";
import { layOver } from "./lay-over.ts";
import { notPreviewed, type Previewed, previewStack } from "./previewed.ts";
import { writeSummary } from "./publish.ts";
import { renderFailure, renderPreview } from "./render.ts";

/** Space for the marker in front of a comment. */
const MARKER_ROOM = 200;

/** A preview and its notices. */
interface Attempt {
  readonly previewed: Previewed;
  readonly notes: readonly string[];
}

/** Comments the preview on the pull or merge request. Returns 0 if the preview succeeded. */
export async function previewJob(job: Job): Promise<number> {
  const { redact, print, printError } = job;
  const attempted = await attempt(job);
  const { succeeded, text, explanation } = attempted.previewed;
  const comment = redact(render(job, attempted));
  print(redact(text));
  if (!succeeded) printError(`\nThe preview failed:\n${redact(explanation)}`);
  writeSummary(comment);
  await publish(job, comment);
  return succeeded ? 0 : 1;
}

/**
 * An error in the files or a missing tool counts as a failed preview, so that the authors of the change see
 * it.
 */
async function attempt(job: Job): Promise<Attempt> {
  try {
    const { files, session } = job;
    if (files !== undefined) layOver({ root, files: resolve(files), stack: session.stack });
    await prepareJob(job);
    const notes = await lookAround(job, "preview");
    return { previewed: await previewStack(job.session), notes };
  } catch (error) {
    return { previewed: notPreviewed(explained(job, error)), notes: [] };
  }
}

function render({ session, forge, runUrl }: Job, { previewed, notes }: Attempt): string {
  const limit = (forge?.limit ?? 1_000_000) - MARKER_ROOM;
  const report = { stack: session.stack, ...previewed, notes, runUrl };
  return previewed.succeeded ? renderPreview(report, limit) : renderFailure(report, limit);
}

async function publish({ forge, session: { stack }, print }: Job, comment: string): Promise<void> {
  if (!forge) return;
  if (forge.change === undefined) {
    print(`This run of ${forge.name} has no pull or merge request, so the preview is only printed.`);
    return;
  }
  const { url } = await putComment(forge, forge.change, { kind: "preview", stack }, comment);
  print(`The preview is a comment on ${forge.name}: ${url}`);
}
