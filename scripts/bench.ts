/** `npm run bench`: the figures in bench/RESULTS.md. */
import { join } from "node:path";
import { platformParts, provision } from "../toolchain/index.ts";
import { runInherited } from "../toolchain/lib/exec.ts";
import { root } from "./lib/checkout.ts";
import { main } from "./lib/main.ts";
import { pulumiEnv } from "./lib/pulumi.ts";

await main(async (args) => {
  await provision(platformParts(), { root, progress: "plain" });
  return runInherited(process.execPath, [join(root, "bench", "index.ts"), ...args], pulumiEnv(), root);
});
