import { runEngine } from "../engine/runner.ts";
import type { Session } from "../engine/session.ts";
import { printedErrors } from "../engine/update-errors.ts";
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

/**
 * Previews what an update would do; with `refresh` it is read first how everything really is. Nothing is changed, the state neither.
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
