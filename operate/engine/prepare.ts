import { offeredBuilders, provision } from "../../toolchain/index.ts";
import { findPulumi, pulumiPart } from "../../toolchain/parts/pulumi.ts";
import type { ProvisionOptions } from "../../toolchain/provision.ts";
import { refuseMissing } from "../state/state.ts";
import { prepareState, root, STACK, toolchain } from "./checkout.ts";
import { pulumiOrThrow } from "./pulumi.ts";
import { openSession, type Session, stackExists } from "./session.ts";

/** How the toolchain shows a download that takes time. */
export type ProvisionProgress = ProvisionOptions["progress"];

/** Brings the CLI where it is missing; `prepareCommand` brings the plugins besides. */
export async function prepareEngine(progress: ProvisionProgress = "quiet"): Promise<void> {
  if (!(await findPulumi(toolchain)))
    await provision([pulumiPart], { root, progress, builders: await offeredBuilders() });
}

/**
 * Brings the CLI where it is missing and creates the stack of this machine where it does not exist, so that a secret can be set before the
 * first `npm start`, which asks for it. Any other stack is created by a person, who knows where its state is to be.
 */
export async function prepareStack(
  session: Session = openSession(),
  progress: ProvisionProgress = "quiet",
): Promise<void> {
  await prepareEngine(progress);
  if (session.backend.isOwn) prepareState();
  if (stackExists(session) !== false) return;
  if (!session.isLocal) refuseMissing(session);
  await pulumiOrThrow(["stack", "init", STACK, "--secrets-provider", "passphrase", "--no-select"], {
    session,
  });
}
