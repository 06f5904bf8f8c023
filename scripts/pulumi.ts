/** `npm run pulumi -- <arguments>`: the pinned CLI, on this checkout's local state. */
import { PROJECT, prepareState, stateDir } from "./lib/checkout.ts";
import { heal } from "./lib/heal.ts";
import { main } from "./lib/main.ts";
import { pulumiInherited, stackExists } from "./lib/pulumi.ts";

/** Commands that an interrupted update would be in the way of. */
const NEEDS_HEALING = new Set(["up", "update", "destroy", "down", "refresh", "preview", "pre"]);

await main(async (args) => {
  prepareState();
  const command = args.find((argument) => !argument.startsWith("-"));
  if (command && NEEDS_HEALING.has(command) && stackExists(stateDir, PROJECT)) await heal(console.error);
  return pulumiInherited(args);
});
