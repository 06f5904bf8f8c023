/** `npm run panel`: runs the panel on this machine, until Ctrl-C. */
import { extname, join } from "node:path";
import { packageRoot } from "../operate/engine/checkout.ts";
import { runInherited } from "../toolchain/lib/exec.ts";
import { main } from "./lib/main.ts";

// Node warns at every start that stripping types, which serves the page's modules, is experimental.
const flags = ["--disable-warning=ExperimentalWarning"];
const program = join(packageRoot, "panel", "server", `main${extname(import.meta.filename)}`);
await main((args) => runInherited(process.execPath, [...flags, program, ...args]));
