import { offeredBuilders, provision } from "../../toolchain/index.ts";
import { findPulumi, pulumiPart } from "../../toolchain/parts/pulumi.ts";
import type { ProvisionOptions } from "../../toolchain/provision.ts";
import { refuseMissing } from "../state/state.ts";
import { prepareState, root, STACK, toolchain } from "./checkout.ts";
import { pulumiOrThrow } from "./pulumi.ts";
import { openSession, type Session, stackExists } from "./session.ts";

/** How the toolchain shows a slow download. */
export type ProvisionProgress = ProvisionOptions["progress"];

/** Installs the CLI if it is missing; `prepareCommand` also installs the plugins. */
export async function prepareEngine(progress: ProvisionProgress = "quiet"): Promise<void> {
  if (!(await findPulumi(toolchain)))
    await provision([pulumiPart], { root, progress, builders: await offeredBuilders() });
}

/**
 * Installs the CLI if it is missing and creates this machine's stack if it does not exist, so that a secret
 * can be
 * set before the first `npm start`. Any other stack is created by a user, who chooses its backend.
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
