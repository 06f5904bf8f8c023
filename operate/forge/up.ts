import { checkConfiguration } from "../../config/check.ts";
import { fail } from "../../config/errors.ts";
import { lastLines } from "../../toolchain/lib/exec.ts";
import { pastTense, summary } from "../engine/changes.ts";
import { root } from "../engine/checkout.ts";
import { updateOrThrow } from "../engine/update.ts";
import { finishUpdate } from "../opencode/finish.ts";
import { explained, type Job, lookAround, prepareJob } from "./job.ts";
import { code, fenced } from "./markdown.ts";
import { sendAlert, writeSummary } from "./publish.ts";

/** Lines of a failed update's error in a summary. */
const LAST_LINES = 40;

/** Applies the files. */
export async function upJob(job: Job): Promise<number> {
  const { session, redact, print, onUpdateEvent } = job;
  const began = performance.now();
  try {
    await prepareJob(job);
    await lookAround(job, "up");
    const changes = await updateOrThrow(session, "up", { refresh: true, onUpdateEvent });
    const line = summary(changes, performance.now() - began);
    print(line);
    if (!(await finishUpdate(session, checkConfiguration(root, session.stack).settings, print)))
      fail(
        "engine",
        session.stack,
        "some projects went back to the release of opencode that they had",
        "see above",
      );
    const list = changes.map(pastTense).join("\n");
    writeSummary(redact(`### Applied to ${code(session.stack)}: ${line}\n\n${list ? fenced(list) : ""}`));
    return 0;
  } catch (error) {
    const said = lastLines(explained(job, error), LAST_LINES);
    writeSummary(`### Applying to ${code(session.stack)}: failed\n\n${fenced(said)}`);
    await sendAlert(job, `The update of ${session.stack} failed. ${job.runUrl ?? ""}`.trim());
    throw error;
  }
}
