/** `npm run panel`: the panel on this machine, until Ctrl-C. */
import { extname, join } from "node:path";
import { packageRoot } from "../operate/engine/checkout.ts";
import { runInherited } from "../toolchain/lib/exec.ts";
import { main } from "./lib/main.ts";

// Stripping types, by which the page's modules are made, is told to be experimental at every start.
const flags = ["--disable-warning=ExperimentalWarning"];
const program = join(packageRoot, "panel", "server", `main${extname(import.meta.filename)}`);
await main((args) => runInherited(process.execPath, [...flags, program, ...args]));
