/** `npm run pulumi -- <arguments>`: runs the pinned CLI on this machine's stack or the named one. */

import { readStackSettings } from "../config/check.ts";
import { prepareState, root } from "../operate/engine/checkout.ts";
import { needsStack, parseCommandLine, verbOf } from "../operate/engine/command-line.ts";
import { prepareEngine, prepareStack } from "../operate/engine/prepare.ts";
import { prepareCommand } from "../operate/engine/prepare-command.ts";
import { pulumiInherited } from "../operate/engine/pulumi.ts";
import { type Session, sessionFor } from "../operate/engine/session.ts";
import { finishUpdate } from "../operate/opencode/finish.ts";
import { main, provisionProgress } from "./lib/main.ts";

await main(async (args) => {
  const line = parseCommandLine(args);
  const session = sessionFor(line);
  if (needsStack(line)) await prepareStack(session, provisionProgress());
  else {
    await prepareEngine(provisionProgress());
    if (session.backend.isOwn) prepareState();
  }
  const verb = verbOf(line);
  if (verb && session.isLocal) explainLocal(process.env.PULUMI_BACKEND_URL, session);
  if (verb)
    await prepareCommand(session, verb, {
      flags: line.flags,
      notify: console.error,
      progress: provisionProgress(),
    });
  const code = await pulumiInherited(args, session);
  if (code === 0 && verb === "up")
    return (await finishUpdate(session, readStackSettings(root, session.stack), console.error)) ? 0 : 1;
  if (code === 0 && line.words[0] === "stack") explainStack(line.words[1], session);
  return code;
});

/** A user who has chosen a backend may expect this machine's stack there too. */
function explainLocal(wanted: string | undefined, { stack, backend }: Session): void {
  if (wanted && wanted !== backend.url)
    console.error(
      `The stack ${stack} is always in this checkout; PULUMI_BACKEND_URL applies to other stacks (--stack prod).`,
    );
}

/** Advice after creating or selecting another stack than this machine's. */
function explainStack(subcommand: string | undefined, session: Session): void {
  if (session.isLocal) return;
  const { reference, backend, variables } = session;
  if (subcommand === "init" && backend.isOwn) {
    console.error(
      `Its state is in this checkout (${backend.label}). A team or CI needs a shared backend: docs/deploying.md.`,
    );
    const file = variables.PULUMI_CONFIG_PASSPHRASE_FILE;
    if (file)
      console.error(`Its secrets are encrypted with the passphrase in ${file}: keep a copy elsewhere.`);
  }
  if (subcommand === "init" || subcommand === "select")
    console.error(
      `Name it in each command (--stack ${reference}), or set PULUMI_STACK=${reference} in your shell.`,
    );
}
