/**
 * `eval "$(npm run -s env)"`: lets a bare `pulumi up` in the checkout use the pinned CLI and the local state; with
 * `-- --stack prod` those of another stack.
 */
import { shellQuote } from "../config/shell.ts";
import { toolchainPath } from "../toolchain/paths.ts";
import { parseCommandLine } from "./lib/arguments.ts";
import { prepareState, root } from "./lib/checkout.ts";
import { main } from "./lib/main.ts";
import { sessionFor } from "./lib/session.ts";

await main(async (args) => {
  // Without --stack it is for the stack that PULUMI_STACK names, as everywhere.
  const session = sessionFor({ ...parseCommandLine(args), words: ["up"] });
  if (session.backend.isOwn) prepareState();
  // npm has its own additions to PATH; the shell's are kept instead.
  const { PATH: _, ...variables } = session.variables;
  for (const [name, value] of Object.entries(variables))
    console.log(value === undefined ? `unset ${name}` : `export ${name}=${shellQuote(value)}`);
  console.log(`export PATH=${shellQuote(toolchainPath(root, ""))}:"$PATH"`);
  return 0;
});
