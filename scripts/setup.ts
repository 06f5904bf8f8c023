/**
 * `npm run setup -- <name>`: runs the `setup` of a project's entry once more, in its container, and shows the output; ends with its exit code.
 * One that sleeps is woken for it. `--stack prod` selects another stack.
 */
import { checkConfiguration } from "../config/check.ts";
import { fail } from "../config/errors.ts";
import { makeNames } from "../config/naming/names.ts";
import { dockerOfStack } from "../operate/docker/of-stack.ts";
import { followSetup, requestSetup } from "../operate/docker/setup.ts";
import { root } from "../operate/engine/checkout.ts";
import { parseCommandLine } from "../operate/engine/command-line.ts";
import { sessionFor } from "../operate/engine/session.ts";
import { wakeFirst } from "../operate/keeper/awake.ts";
import { makeStorage } from "../operate/storage/client.ts";
import { checkpointFirst } from "../operate/storage/first.ts";
import { main } from "./lib/main.ts";

const USAGE = "npm run setup -- <name>";

await main(async (args) => {
  const line = parseCommandLine(args);
  const [name, ...rest] = line.words;
  if (!name || rest.length > 0)
    fail("config", "npm run setup", `"${line.words.join(" ")}" is not a project's name`, USAGE);
  const session = sessionFor({ ...line, words: ["up"] });
  const { projects, settings } = checkConfiguration(root, session.stack);
  const project = projects.find((each) => each.name === name);
  if (!project) fail("config", name, "is not in projects.yaml", USAGE);
  if (project.setup === undefined)
    fail("config", name, "has no setup in projects.yaml", "add one to its entry: setup: npm ci");
  const run = await dockerOfStack(session, settings);
  if (!run) fail("conflict", session.stack, "has no host yet");
  const names = makeNames(settings.namePrefix);
  const container = names.project(name);
  await wakeFirst({ run, prefix: settings.namePrefix }, name);
  await checkpointFirst(makeStorage(run, names.storage), name, "before-setup", console.error);
  const number = await requestSetup(run, name, container);
  const code = await followSetup(run, name, container, number, console.log);
  console.log(`\n${name}: its setup ${code === 0 ? "succeeded" : `failed with exit code ${code}`}.`);
  return code;
});
