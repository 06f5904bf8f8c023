/** `npm run check`: what is wrong with projects.yaml and the settings, offline. */
import { check } from "../config/check.ts";
import { root, STACK } from "./lib/checkout.ts";
import { main } from "./lib/main.ts";

await main(async () => {
  const { projects } = check(root, STACK);
  const count = `${projects.length} project${projects.length === 1 ? "" : "s"}`;
  console.log(
    `projects.yaml is fine: ${count}${projects.length ? ` (${projects.map(({ name }) => name).join(", ")})` : ""}.`,
  );
  return 0;
});
