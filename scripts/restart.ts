/**
 * `npm run restart`: restarts all of the platform's containers in order; `npm run restart -- <name>` those of one project. `--stack prod` selects
 * another stack.
 */
import { checkConfiguration } from "../config/check.ts";
import { fail } from "../config/errors.ts";
import { makeNames } from "../config/naming/names.ts";
import { dockerOfStack } from "../operate/docker/of-stack.ts";
import { restartAll, restartProject } from "../operate/docker/restart.ts";
import { root } from "../operate/engine/checkout.ts";
import { parseCommandLine } from "../operate/engine/command-line.ts";
import { sessionFor } from "../operate/engine/session.ts";
import { main } from "./lib/main.ts";

const USAGE = "npm run restart [-- <name>]";

await main(async (args) => {
  const line = parseCommandLine(args);
  const [name, ...rest] = line.words;
  if (rest.length > 0)
    fail("config", "npm run restart", `"${line.words.join(" ")}" is not a project's name`, USAGE);
  const session = sessionFor({ ...line, words: ["up"] });
  const { projects, settings } = checkConfiguration(root, session.stack);
  if (name !== undefined && !projects.some((each) => each.name === name))
    fail("config", name, "is not in projects.yaml", USAGE);
  const run = await dockerOfStack(session, settings);
  if (!run) fail("conflict", session.stack, "has no host yet");
  const names = makeNames(settings.namePrefix);
  if (name !== undefined) {
    console.log(`${name}: ${await restartProject(run, names, name)}`);
    return 0;
  }
  const failed = await restartAll(run, names, (text) => console.log(text));
  return failed.length > 0 ? 1 : 0;
});
