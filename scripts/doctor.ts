/**
 * `npm run doctor`: shows what is missing or unhealthy, with fixes; `-- --stack prod` for a stack on a
 * droplet.
 */
import { examine } from "../operate/doctor/examine.ts";
import { formatFinding } from "../operate/doctor/finding.ts";
import { root } from "../operate/engine/checkout.ts";
import { parseCommandLine } from "../operate/engine/command-line.ts";
import { sessionFor } from "../operate/engine/session.ts";
import { isInstalled } from "./lib/launcher.mjs";
import { main, provisionProgress } from "./lib/main.ts";

await main(async (args) => {
  const session = sessionFor({ ...parseCommandLine(args), words: ["up"] });
  const options = { isInstalled: isInstalled(root), progress: provisionProgress() };
  let isHealthy = true;
  for await (const finding of examine(session, options)) {
    console.log(formatFinding(finding));
    if (finding.verdict === "failed") isHealthy = false;
  }
  console.log(isHealthy ? "\nNo problems found." : "\nProblems found; the arrows show how to fix them.");
  return isHealthy ? 0 : 1;
});
