import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { Listr } from "listr2";
import { fail } from "../../config/errors.ts";
import { isWatched } from "../../scripts/lib/main.ts";
import { duration } from "../../toolchain/lib/words.ts";
import { logsDir } from "./checkout.ts";
import { applyEvent, type Change, did, doing, noProgress, type Progress, whileHearing } from "./events.ts";
import { pulumi, pulumiEnv } from "./pulumi.ts";
import { openSession, type Session } from "./session.ts";

/** Logs of so many updates are kept. */
const KEEP_LOGS = 20;

type Verb = "up" | "destroy";

/** What is said while nothing has changed yet, and while something does. */
const TITLES = {
  up: { begin: "Comparing with what is there", doing: "Deploying" },
  destroy: { begin: "Looking at what is there", doing: "Removing" },
} as const satisfies Record<Verb, unknown>;

/** Runs `pulumi up` or `destroy` and tells what changes; a failure ends the script with what went wrong. */
export async function deploy(
  verb: Verb,
  flags: readonly string[],
  session: Session = openSession(),
): Promise<Progress> {
  mkdirSync(logsDir, { recursive: true });
  const stamp = new Date().toISOString().slice(0, 19).replace(/[:T]/g, "-");
  const log = join(logsDir, `${stamp}-${verb}.log`);
  const eventLog = join(logsDir, `${stamp}-${verb}.events`);
  const args = [
    verb,
    "--yes",
    "--non-interactive",
    "--skip-preview",
    "--color=never",
    "--event-log",
    eventLog,
  ];
  // The engine offers its event log, which the Automation API is built on, with this variable alone.
  const env = { ...pulumiEnv(session), PULUMI_DEBUG_COMMANDS: "true" };
  const run = () => pulumi([...args, ...flags], { logFile: log, env, endsInOrder: true });
  try {
    const { code, progress, said } = await (isWatched()
      ? watched(verb, run, eventLog)
      : plainly(run, eventLog));
    if (code !== 0) explainFailure(verb, progress, said, log);
    return progress;
  } finally {
    dropOldLogs();
  }
}

type Run = () => ReturnType<typeof pulumi>;
type Outcome = { code: number | null; progress: Progress; said: string };

/** Runs while `tell` hears, some times in a second, how far it is and what has been finished since. */
async function follow(
  run: Run,
  eventLog: string,
  tell: (now: Progress, finished: readonly Change[]) => void,
): Promise<Outcome> {
  let progress = noProgress;
  const hear = (events: readonly unknown[]) => {
    const before = progress.done.length;
    progress = events.reduce(applyEvent, progress);
    tell(progress, progress.done.slice(before));
  };
  const { code, stdout, stderr } = await whileHearing(eventLog, hear, run);
  return { code, progress, said: stderr.trim() || stdout.trim() };
}

async function plainly(run: Run, eventLog: string): Promise<Outcome> {
  return follow(run, eventLog, (_, finished) => {
    for (const change of finished) console.log(`  ${did(change)}`);
  });
}

async function watched(verb: Verb, run: Run, eventLog: string): Promise<Outcome> {
  let outcome: Outcome | undefined;
  const began = performance.now();
  const task = {
    title: TITLES[verb].begin,
    task: async (_: unknown, task: { title: string; output: string }) => {
      outcome = await follow(run, eventLog, (now) => {
        task.title = headline(verb, now, performance.now() - began);
        task.output = [...[...now.running.values()].slice(0, 6).map(doing), now.said.slice(0, 100)]
          .filter(Boolean)
          .join("\n");
      });
      if (outcome.code !== 0) throw new Error("The update did not succeed");
      task.title = summary(outcome.progress, performance.now() - began);
    },
  };
  const listr = new Listr([task], {
    exitOnError: false,
    registerSignalListeners: false,
    rendererOptions: { showErrorMessage: false, collapseErrors: false },
  });
  await listr.run();
  return outcome ?? { code: 1, progress: noProgress, said: "" };
}

function headline(verb: Verb, { running, done }: Progress, ms: number): string {
  const counts = `${done.length} done, ${running.size} under way`;
  return `${running.size + done.length > 0 ? `${TITLES[verb].doing}: ${counts}` : TITLES[verb].begin} … ${duration(ms)}`;
}

/** One line for an update that went well. */
export function summary({ done }: Progress, ms: number): string {
  const counts = new Map<string, number>();
  for (const change of done) {
    const word = did({ ...change, what: "" }).trim();
    counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  const words = [...counts].map(([word, count]) => `${count} ${word}`).join(", ");
  return `${words || "Nothing to change"} (${duration(ms)})`;
}

function explainFailure(verb: Verb, { errors }: Progress, said: string, log: string): never {
  const real = errors.filter((error) => !/^(update|preview|refresh|destroy) (failed|canceled)$/.test(error));
  if (real.length === 0 && errors.some((error) => error.endsWith("canceled"))) {
    return fail(
      "engine",
      `pulumi ${verb}`,
      "was interrupted before it was done",
      "run it again: it goes on from there",
    );
  }
  const lines = [...new Set(real)].join("\n") || said.split("\n").slice(-15).join("\n");
  return fail("engine", `pulumi ${verb}`, `did not succeed:\n${lines}\nThe whole log is in ${log}`);
}

function dropOldLogs(): void {
  const logs = readdirSync(logsDir)
    .filter((name) => name.endsWith(".log"))
    .sort();
  for (const name of logs.slice(0, -KEEP_LOGS)) rmSync(join(logsDir, name), { force: true });
}
