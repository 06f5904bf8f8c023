/** `npm test`: everything; `npm run test:unit` and `npm run test:local`: one kind. */
import { join } from "node:path";
import { platformParts, provision, testParts } from "../toolchain/index.ts";
import { runInherited, which } from "../toolchain/lib/exec.ts";
import { CHROMIUM_COMMANDS } from "../toolchain/parts/commands.ts";
import { root, toolchain } from "./lib/checkout.ts";
import { isWatched, main } from "./lib/main.ts";
import { pulumiBinary } from "./lib/pulumi.ts";

const KINDS = ["unit", "local"];

await main(async (args) => {
  const [first] = args;
  const kind = first && KINDS.includes(first) ? first : undefined;
  const rest = kind ? args.slice(1) : args;
  const env: NodeJS.ProcessEnv = { ...process.env };
  if (kind !== "unit") {
    await provision([...platformParts(), ...testParts], { root, progress: isWatched() ? "live" : "plain" });
    env.OPENCODE_PLATFORM_TOOLCHAIN = toolchain;
    env.PULUMI_BIN = await pulumiBinary();
    env.CHROMIUM_BIN = CHROMIUM_COMMANDS.map((name) => which(name)).find(Boolean) ?? "";
  }
  const vitest = join(root, "node_modules", "vitest", "vitest.mjs");
  const chosen = kind ? ["--project", kind] : [];
  return runInherited(process.execPath, [vitest, "run", ...chosen, ...rest], env, root);
});
