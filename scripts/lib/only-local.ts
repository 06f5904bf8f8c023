import { fail } from "../../config/errors.ts";
import { STACK } from "../../operate/engine/checkout.ts";
import { parseCommandLine } from "../../operate/engine/command-line.ts";
import { type Session, sessionFor } from "../../operate/engine/session.ts";

/**
 * Ends a script that only supports this machine's stack if another is selected. `instead`: the command for
 * that one.
 */
export function refuseOtherStack(
  script: string,
  args: readonly string[],
  instead: (session: Session) => string,
): void {
  const session = sessionFor({ ...parseCommandLine(args), words: ["up"] });
  if (session.isLocal) return;
  const unset = process.env.PULUMI_STACK ? ", or unset PULUMI_STACK" : "";
  fail(
    "config",
    `npm ${script}`,
    `is for this machine's stack, ${STACK}, not for ${session.reference}`,
    `${instead(session)}${unset}`,
  );
}
