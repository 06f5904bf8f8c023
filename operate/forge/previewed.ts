import { runEngine } from "../engine/runner.ts";
import type { Session } from "../engine/session.ts";
import { printedErrors } from "../engine/update-errors.ts";
import { type Plan, readPlan } from "./plan.ts";

/** The result of a preview. */
export interface Previewed {
  readonly succeeded: boolean;
  readonly plan: Plan;
  /** The engine's output. */
  readonly text: string;
  /** Why it failed, if it did. */
  readonly explanation: string;
}

/** A preview that failed before the engine started. */
export const notPreviewed = (explanation: string): Previewed => ({
  succeeded: false,
  plan: { steps: [], unchanged: 0, errors: [], warnings: [] },
  text: "",
  explanation,
});

/**
 * Previews an update; with `refresh`, after reading the real resources. Changes nothing, not even the state.
 */
export async function previewStack(session: Session, { refresh = false } = {}): Promise<Previewed> {
  const events: unknown[] = [];
  const result = await runEngine(session, "preview", {
    diff: true,
    refresh,
    onEvent: (event) => events.push(event),
  });
  const plan = readPlan(events);
  const text = [result.stdout.trimEnd(), result.stderr.trimEnd()].filter(Boolean).join("\n");
  return {
    succeeded: result.code === 0,
    plan,
    text,
    explanation: plan.errors.join("\n") || (result.code === 0 ? "" : printedErrors(result)),
  };
}
