/**
 * `eval "$(npm run -s env)"`: lets a plain `pulumi up` in the checkout use the pinned CLI and the local
 * state; `-- --stack prod` selects another stack.
 */
import { fail } from "../config/errors.ts";
import { shellQuote } from "../config/text/shell.ts";
import { prepareState, root } from "../operate/engine/checkout.ts";
import { parseCommandLine } from "../operate/engine/command-line.ts";
import { pluginProblem } from "../operate/engine/plugins.ts";
import { sessionFor } from "../operate/engine/session.ts";
import { toolchainPath } from "../toolchain/paths.ts";
import { main } from "./lib/main.ts";

await main(async (args) => {
  // Without --stack, PULUMI_STACK names the stack, as in the other scripts.
  const session = sessionFor({ ...parseCommandLine(args), words: ["up"] });
  // A plain `pulumi destroy` runs no program that could refuse stand-ins.
  const problem = await pluginProblem(session);
  if (problem) fail("environment", problem.where, problem.what, problem.fix);
  if (session.backend.isOwn) prepareState();
  // npm extends PATH; the shell keeps its own.
  const { PATH: _, ...variables } = session.variables;
  for (const [name, value] of Object.entries(variables))
    console.log(value === undefined ? `unset ${name}` : `export ${name}=${shellQuote(value)}`);
  console.log(`export PATH=${shellQuote(toolchainPath(root, ""))}:"$PATH"`);
  return 0;
});
