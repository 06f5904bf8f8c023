/** `npm run bench`: measures the figures in lab/bench/RESULTS.md. */
import { join } from "node:path";
import { root } from "../operate/engine/checkout.ts";
import { pulumiEnv } from "../operate/engine/pulumi.ts";
import { offeredBuilders, platformParts, provision } from "../toolchain/index.ts";
import { runInherited } from "../toolchain/lib/exec.ts";
import { main } from "./lib/main.ts";

await main(async (args) => {
  await provision(platformParts(), { root, progress: "plain", builders: await offeredBuilders() });
  return runInherited(process.execPath, [join(root, "lab", "bench", "index.ts"), ...args], pulumiEnv(), root);
});
