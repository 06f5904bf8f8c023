import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { lastLines } from "../../toolchain/lib/exec.ts";
import { logsDir } from "../engine/checkout.ts";
import { whileHearing } from "../engine/events.ts";
import { mustPulumi, pulumi, pulumiEnv } from "../engine/pulumi.ts";
import type { Session } from "../engine/session.ts";
import { parseDeployment } from "../state/checkpoint.ts";
import { type Plan, readPlan } from "./plan.ts";

/** What a preview came to. */
export interface Previewed {
  readonly succeeded: boolean;
  readonly plan: Plan;
  /** What the engine printed. */
  readonly text: string;
  /** What went wrong, when it did. */
  readonly explanation: string;
}

/** A preview that did not come to the engine. */
export const notPreviewed = (explanation: string): Previewed => ({
  succeeded: false,
  plan: { steps: [], unchanged: 0, errors: [], warnings: [] },
  text: "",
  explanation,
});

/** Lets the engine say what an update would do; with `refresh` it asks first how everything really is. Nothing is changed, the state neither. */
export async function previewStack(session: Session, { refresh = false } = {}): Promise<Previewed> {
  mkdirSync(logsDir, { recursive: true });
  const eventLog = join(logsDir, `ci-${process.pid}-${Date.now()}.events`);
  const args = ["preview", "--diff", "--non-interactive", "--color=never", "--event-log", eventLog];
  // The engine offers its event log, which the Automation API is built on, with this variable alone.
  const env = { ...pulumiEnv(session), PULUMI_DEBUG_COMMANDS: "true" };
  const flags = refresh ? ["--refresh"] : [];
  const events: unknown[] = [];
  const { code, stdout, stderr } = await whileHearing(
    eventLog,
    (heard) => events.push(...heard),
    () => pulumi([...args, ...flags], { session, env, endsInOrder: true }),
  );
  const plan = readPlan(events);
  const text = [stdout.trimEnd(), stderr.trimEnd()].filter(Boolean).join("\n");
  const explanation = plan.errors.join("\n") || lastLines(stderr.trim() || stdout.trim(), 20);
  return { succeeded: code === 0, plan, text, explanation };
}

/** What of a state tells whether somebody is changing it. */
export interface StateMark {
  /** Changes with every writing of the state. */
  readonly mark: string;
  readonly isEmpty: boolean;
  /** An update is under way, or was cut off. */
  readonly isUnderWay: boolean;
}

/** Looks at the stack's state, wherever it is kept. */
export async function stateMark(session: Session): Promise<StateMark> {
  const text = await mustPulumi(["stack", "export"], { session });
  const { resources, pending, writtenAt = "" } = parseDeployment(JSON.parse(text));
  return {
    mark: `${writtenAt} ${resources.length} ${pending.length}`,
    isEmpty: resources.length === 0,
    isUnderWay: pending.length > 0,
  };
}
