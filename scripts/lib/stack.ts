import { engineParts, provision } from "../../toolchain/index.ts";
import { findPulumi } from "../../toolchain/parts/pulumi.ts";
import { PROJECT, prepareState, root, STACK, stateDir, toolchain } from "./checkout.ts";
import { isWatched } from "./main.ts";
import { mustPulumi, stackExists } from "./pulumi.ts";

/**
 * Brings the CLI where it is missing and makes the stack where there is none, so that a secret can be set before the first
 * `npm start`, which asks for it.
 */
export async function prepareStack(): Promise<void> {
  if (!(await findPulumi(toolchain)))
    await provision(engineParts, { root, progress: isWatched() ? "live" : "plain" });
  prepareState();
  if (!stackExists(stateDir, PROJECT))
    await mustPulumi(["stack", "init", STACK, "--secrets-provider", "passphrase", "--no-select"]);
}
