import { lastLines } from "../../toolchain/lib/exec.ts";
import { deploy, summary } from "../engine/deploy.ts";
import { did } from "../engine/events.ts";
import { explained, type Job, lookAround, prepareJob } from "./job.ts";
import { code, fenced } from "./markdown.ts";
import { alert, summarise } from "./publish.ts";

/** Lines of a failed update that are told where there is little room. */
const LAST_LINES = 40;

/** Makes the world be as the files say. */
export async function upJob(job: Job): Promise<number> {
  const { session, redact } = job;
  const began = performance.now();
  try {
    await prepareJob(job);
    await lookAround(job, "up");
    const progress = await deploy("up", ["--refresh"], session);
    const line = summary(progress, performance.now() - began);
    console.log(line);
    const changes = progress.done.map(did).join("\n");
    summarise(redact(`### Applied to ${code(session.stack)}: ${line}\n\n${changes ? fenced(changes) : ""}`));
    return 0;
  } catch (error) {
    const said = lastLines(explained(job, error), LAST_LINES);
    summarise(`### Applying to ${code(session.stack)}: failed\n\n${fenced(said)}`);
    await alert(`The update of ${session.stack} failed. ${job.runUrl ?? ""}`.trim());
    throw error;
  }
}
