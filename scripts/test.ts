/** `npm test`: everything; `npm run test:unit`, `test:attach`, `test:panel`, `test:local` and `test:production`: one kind. */
import { join } from "node:path";
import { CHROMIUM_COMMANDS, gitPart, tmuxPart } from "../lab/build/commands.ts";
import { builders, productionTestParts, testParts } from "../lab/build/index.ts";
import { root, toolchain } from "../operate/engine/checkout.ts";
import { pulumiBinary } from "../operate/engine/pulumi.ts";
import { platformParts, provision } from "../toolchain/index.ts";
import { runInherited, which } from "../toolchain/lib/exec.ts";
import type { Part } from "../toolchain/part.ts";
import { describePlugins } from "../toolchain/parts/plugins.ts";
import { isWatched, main } from "./lib/main.ts";

const KINDS = ["unit", "attach", "panel", "local", "production"] as const;
type Kind = (typeof KINDS)[number];

/** What a kind needs besides the platform. */
const PARTS: Readonly<Record<Exclude<Kind, "unit">, readonly Part[]>> = {
  attach: [gitPart, tmuxPart],
  panel: testParts,
  local: testParts,
  production: [...testParts, ...productionTestParts],
};

const isKind = (word: string | undefined): word is Kind => KINDS.some((kind) => kind === word);

await main(async (args) => {
  const [first] = args;
  const kinds = isKind(first) ? [first] : KINDS;
  const rest = isKind(first) ? args.slice(1) : args;
  let worst = 0;
  // One after the other: each of the slow ones has a machine of two cores to itself, and may take away what the next one needs.
  for (const kind of kinds) {
    const env = kind === "unit" ? process.env : await prepare(kind);
    const vitest = join(root, "node_modules", "vitest", "vitest.mjs");
    const code = await runInherited(process.execPath, [vitest, "run", "--project", kind, ...rest], env, root);
    worst = Math.max(worst, code);
  }
  return worst;
});

/** Brings what real parts need that is not on this machine, and says with which the tests run. */
async function prepare(kind: Exclude<Kind, "unit">): Promise<NodeJS.ProcessEnv> {
  await provision([...platformParts(), ...PARTS[kind]], {
    root,
    progress: isWatched() ? "live" : "plain",
    builders,
  });
  for (const plugin of await describePlugins(toolchain)) console.log(plugin);
  return {
    ...process.env,
    OPENCODE_PLATFORM_TOOLCHAIN: toolchain,
    PULUMI_BIN: await pulumiBinary(),
    CHROMIUM_BIN: CHROMIUM_COMMANDS.map((name) => which(name)).find(Boolean) ?? "",
  };
}
