/** Updates one project and leaves the rest alone: nearly as fast with fifty projects as with one. */
import { fail } from "../../config/errors.ts";
import { NOT_ALONE, ONLY_VARIABLE, targetsOf } from "../../config/stack/only.ts";
import type { EngineOptions } from "./runner.ts";
import { commandFor, type Session } from "./session.ts";

/** The engine's errors after an update. */
interface Errors {
  readonly errors: readonly string[];
}

/** Makes the engine and the program update only one project. */
export const onlyProject = (
  { stack }: Pick<Session, "stack">,
  project: string,
): Pick<EngineOptions, "targets" | "variables"> => ({
  targets: targetsOf(stack, project),
  variables: { [ONLY_VARIABLE]: project },
});

/** Why the program refused to update only one project; undefined if it did not. */
export const refusalIn = ({ errors }: Errors): string | undefined =>
  errors.flatMap((text) => text.split("\n")).find((line) => line.includes(NOT_ALONE));

/** Throws the program's refusal as a UserError with the alternative, if there is one. */
export function throwRefusal(session: Session, project: string, report: Errors): void {
  const refusal = refusalIn(report);
  if (refusal === undefined) return;
  const what = refusal.slice(refusal.indexOf(NOT_ALONE));
  fail("conflict", project, what, commandFor(session, "up"));
}
