/** `eval "$(npm run -s env)"`: lets a bare `pulumi up` in the checkout use the pinned CLI and the local state. */
import { prepareState } from "./lib/checkout.ts";
import { main } from "./lib/main.ts";
import { pulumiVariables } from "./lib/pulumi.ts";

await main(async () => {
  prepareState();
  for (const [name, value] of Object.entries(pulumiVariables()))
    console.log(`export ${name}=${quote(value)}`);
  return 0;
});

function quote(value: string): string {
  return `'${value.replaceAll("'", "'\\''")}'`;
}
