/** `npm run lint`: types and style; style is checked even if types have something. `npm run typecheck`: types alone. */
import { join } from "node:path";
import { root } from "../operate/engine/checkout.ts";
import { runInherited } from "../toolchain/lib/exec.ts";
import { main } from "./lib/main.ts";

await main(async ([only]) => {
  const tool = (name: string) => join(root, "node_modules", ".bin", name);
  const tsc = (project: string) =>
    runInherited(tool("tsc"), ["--noEmit", "--project", project], process.env, root);
  // The panel's page runs in a browser: another library of types than Node's.
  const types = (await tsc(".")) || (await tsc(join("panel", "page")));
  if (only === "types") return types;
  const style = await runInherited(tool("biome"), ["check", "--error-on-warnings", "."], process.env, root);
  console.log(types === 0 && style === 0 ? "Types and style are fine." : "Lint found something; see above.");
  return types || style;
});
