/** `npm run lint`: types and style; both are checked even if the first finds something. */
import { join } from "node:path";
import { runInherited } from "../toolchain/lib/exec.ts";
import { root } from "./lib/checkout.ts";
import { main } from "./lib/main.ts";

await main(async () => {
  const tool = (name: string) => join(root, "node_modules", ".bin", name);
  const types = await runInherited(tool("tsc"), ["--noEmit"], process.env, root);
  const style = await runInherited(tool("biome"), ["check", "--error-on-warnings", "."], process.env, root);
  console.log(types === 0 && style === 0 ? "Types and style are fine." : "Lint found something; see above.");
  return types || style;
});
