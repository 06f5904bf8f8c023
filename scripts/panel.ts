/** `npm run panel`: the panel on this machine, until Ctrl-C. */
import { join } from "node:path";
import { runInherited } from "../toolchain/lib/exec.ts";
import { root } from "./lib/checkout.ts";
import { main } from "./lib/main.ts";

await main((args) => runInherited(process.execPath, [join(root, "panel", "main.ts"), ...args]));
