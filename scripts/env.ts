/** `eval "$(npm run -s env)"`: lets a bare `pulumi up` in the checkout use the pinned CLI and the local state. */
import { toolchainPath } from "../toolchain/paths.ts";
import { prepareState, root } from "./lib/checkout.ts";
import { main } from "./lib/main.ts";
import { pulumiVariables } from "./lib/pulumi.ts";

await main(async () => {
  prepareState();
  // npm has its own additions to PATH; the shell's are kept instead.
  const { PATH: _, ...variables } = pulumiVariables();
  for (const [name, value] of Object.entries(variables)) console.log(`export ${name}=${quote(value)}`);
  console.log(`export PATH=${quote(toolchainPath(root, ""))}:"$PATH"`);
  return 0;
});

function quote(value: string): string {
  return `'${value.replaceAll("'", "'\\''")}'`;
}
