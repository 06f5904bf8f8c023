/**
 * `npm run apply -- <name>`: updates one project if nothing else has changed; `--stack prod` selects another
 * stack.
 */
import { checkConfiguration } from "../config/check.ts";
import { fail } from "../config/errors.ts";
import { applyProject } from "../operate/engine/apply.ts";
import { root } from "../operate/engine/checkout.ts";
import { parseCommandLine } from "../operate/engine/command-line.ts";
import { prepareStack } from "../operate/engine/prepare.ts";
import { prepareCommand } from "../operate/engine/prepare-command.ts";
import { sessionFor } from "../operate/engine/session.ts";
import { finishUpdate } from "../operate/opencode/finish.ts";
import { main, provisionProgress } from "./lib/main.ts";
import { showUpdate } from "./lib/progress.ts";

const USAGE = "npm run apply -- <name>";

await main(async (args) => {
  const line = parseCommandLine(args);
  const [name, unexpected] = line.words;
  if (!name) fail("config", "npm run apply", "names no project", USAGE);
  if (unexpected) fail("config", "npm run apply", `Unexpected argument: ${unexpected}`, USAGE);
  const session = sessionFor({ ...line, words: ["up"] });
  const { projects, settings } = checkConfiguration(root, session.stack);
  if (!projects.some((project) => project.name === name))
    fail("config", name, "is not in projects.yaml", "npm run check lists all names");
  await prepareStack(session, provisionProgress());
  await prepareCommand(session, "up", { notify: console.error, progress: provisionProgress() });
  await showUpdate("up", (onUpdateEvent) =>
    applyProject(session, name, { projects, inProcess: true, onUpdateEvent }),
  );
  return (await finishUpdate(session, settings, console.log, { project: name })) ? 0 : 1;
});
