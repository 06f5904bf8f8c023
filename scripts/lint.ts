/**
 * `npm run lint`: checks types, style and unused code; each runs whatever the previous found. `npm run
 * typecheck`: types only.
 */
import { join } from "node:path";
import { root } from "../operate/engine/checkout.ts";
import { runInherited } from "../toolchain/lib/exec.ts";
import { main } from "./lib/main.ts";

await main(async ([only]) => {
  // tsc is TypeScript 7's; package.json has it as typescript-native, since Pulumi's SDK takes no newer `typescript` than 6.
  const tool = (name: string) => join(root, "node_modules", ".bin", name);
  const tsc = (project: string) =>
    runInherited(tool("tsc"), ["--noEmit", "--project", project], process.env, root);
  // The panel's page runs in a browser, with other library types than Node's.
  const types = (await tsc(".")) || (await tsc(join("panel", "page")));
  if (only === "types") return types;
  const style = await runInherited(tool("biome"), ["check", "--error-on-warnings", "."], process.env, root);
  const unused = await runInherited(tool("knip"), [], process.env, root);
  const code = types || style || unused;
  console.log(
    code === 0 ? "No problems with types or style, and nothing unused." : "Lint found problems; see above.",
  );
  return code;
});
