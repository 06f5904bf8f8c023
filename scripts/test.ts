/** `npm test`: everything; `npm run test:unit`, `test:local` and `test:production`: one kind. */
import { join } from "node:path";
import { platformParts, productionTestParts, provision, testParts } from "../toolchain/index.ts";
import { runInherited, which } from "../toolchain/lib/exec.ts";
import { CHROMIUM_COMMANDS } from "../toolchain/parts/commands.ts";
import { describePlugins } from "../toolchain/parts/plugins.ts";
import { root, toolchain } from "./lib/checkout.ts";
import { isWatched, main } from "./lib/main.ts";
import { pulumiBinary } from "./lib/pulumi.ts";

const KINDS = ["unit", "local", "production"];

await main(async (args) => {
  const [first] = args;
  const kind = first && KINDS.includes(first) ? first : undefined;
  const rest = kind ? args.slice(1) : args;
  const env: NodeJS.ProcessEnv = { ...process.env };
  if (kind !== "unit") {
    const parts = [...platformParts(), ...testParts, ...(kind === "local" ? [] : productionTestParts)];
    await provision(parts, { root, progress: isWatched() ? "live" : "plain" });
    if (kind !== "local") for (const plugin of describePlugins(toolchain)) console.log(plugin);
    env.OPENCODE_PLATFORM_TOOLCHAIN = toolchain;
    env.PULUMI_BIN = await pulumiBinary();
    env.CHROMIUM_BIN = CHROMIUM_COMMANDS.map((name) => which(name)).find(Boolean) ?? "";
  }
  const vitest = join(root, "node_modules", "vitest", "vitest.mjs");
  let worst = 0;
  // One kind after the other: each of the slow two has a machine of two cores to itself.
  for (const each of kind ? [kind] : KINDS) {
    const code = await runInherited(process.execPath, [vitest, "run", "--project", each, ...rest], env, root);
    worst = Math.max(worst, code);
  }
  return worst;
});
