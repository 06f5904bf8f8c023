/** `npm run pulumi -- <arguments>`: the pinned CLI, on this checkout's local state. */
import { heal } from "./lib/heal.ts";
import { main } from "./lib/main.ts";
import { pulumiInherited } from "./lib/pulumi.ts";
import { prepareStack } from "./lib/stack.ts";

/** Commands that an interrupted update would be in the way of. */
const NEEDS_HEALING = new Set(["up", "update", "destroy", "down", "refresh", "preview", "pre"]);

await main(async (args) => {
  await prepareStack();
  const command = args.find((argument) => !argument.startsWith("-"));
  if (command && NEEDS_HEALING.has(command)) await heal(console.error);
  return pulumiInherited(args);
});
