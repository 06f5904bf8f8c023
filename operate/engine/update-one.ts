/** An update of one project, which leaves all else as it is: nearly as quick with fifty projects as with one. */
import { fail } from "../../config/errors.ts";
import { NOT_ALONE, ONLY_VARIABLE, targetsOf } from "../../config/stack/only.ts";
import type { EngineOptions } from "./runner.ts";
import { commandFor, type Session } from "./session.ts";

/** The engine's errors, of an update that has ended. */
interface Errors {
  readonly errors: readonly string[];
}

/** What makes the engine, and the program, update one project alone. */
export const onlyProject = (
  { stack }: Pick<Session, "stack">,
  project: string,
): Pick<EngineOptions, "targets" | "variables"> => ({
  targets: targetsOf(stack, project),
  variables: { [ONLY_VARIABLE]: project },
});

/** Why the program has refused to update one project alone, in a sentence; undefined where it has not. */
export const refusalIn = ({ errors }: Errors): string | undefined =>
  errors.flatMap((text) => text.split("\n")).find((line) => line.includes(NOT_ALONE));

/** Throws a UserError with the program's refusal in it, where there is one, and with what to do instead. */
export function throwRefusal(session: Session, project: string, report: Errors): void {
  const refusal = refusalIn(report);
  if (refusal === undefined) return;
  const what = refusal.slice(refusal.indexOf(NOT_ALONE));
  fail("conflict", project, what, commandFor(session, "up"));
}
