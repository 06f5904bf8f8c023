import { isWatched } from "../../scripts/lib/main.ts";
import { offeredBuilders, provision } from "../../toolchain/index.ts";
import { findPulumi, pulumiPart } from "../../toolchain/parts/pulumi.ts";
import { refuseMissing } from "../state/state.ts";
import { prepareState, root, STACK, toolchain } from "./checkout.ts";
import { mustPulumi } from "./pulumi.ts";
import { openSession, type Session, stackExists } from "./session.ts";

/** Brings the CLI where it is missing; what changes a stack brings the plugins besides. */
export async function prepareEngine(): Promise<void> {
  if (!(await findPulumi(toolchain)))
    await provision([pulumiPart], {
      root,
      progress: isWatched() ? "live" : "plain",
      builders: await offeredBuilders(),
    });
}

/**
 * Brings the CLI where it is missing and makes the stack of this machine where there is none, so that a secret can be set before
 * the first `npm start`, which asks for it. Any other stack is made by a person, who knows where its state is to be.
 */
export async function prepareStack(session: Session = openSession()): Promise<void> {
  await prepareEngine();
  if (session.backend.isOwn) prepareState();
  if (stackExists(session) !== false) return;
  if (!session.isLocal) refuseMissing(session);
  await mustPulumi(["stack", "init", STACK, "--secrets-provider", "passphrase", "--no-select"], { session });
}
