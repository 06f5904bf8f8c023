/**
 * `npm run devcontainer -- <project> [--locked] [--stack prod]`: reads the devcontainer.json of an entry's repository, builds its image on the stack's
 * host, and writes down what it says; with `--locked` it builds what was written down. `npm run devcontainer -- <folder> [<file>]`: what an entry of
 * projects.yaml has in place of the devcontainer.json of a clone; changes nothing.
 */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { fail } from "../config/errors.ts";
import { resolveEntry } from "../operate/devcontainer/entry.ts";
import { parseCommandLine } from "../operate/engine/command-line.ts";
import { prepareStack } from "../operate/engine/prepare.ts";
import { sessionFor } from "../operate/engine/session.ts";
import { findEntry, printEntry } from "./lib/devcontainer.ts";
import { main, provisionProgress } from "./lib/main.ts";

const USAGE =
  "npm run devcontainer -- <project> [--locked] [--stack prod], or <folder of a clone> [<path of its devcontainer.json>]";
const FLAGS = ["--locked", "--stack", "-s"];

await main(async (args) => {
  const line = parseCommandLine(args);
  const [word = "", file, ...rest] = line.words;
  const unknown = [...rest, ...[...line.flags].filter((flag) => !FLAGS.includes(flag))];
  if (!word || unknown.length > 0)
    fail("config", "npm run devcontainer", "takes a project or a folder", USAGE);
  const folder = resolve(process.env.INIT_CWD ?? ".", word);
  const session = sessionFor({ ...line, words: ["up"] });
  const found = file === undefined ? findEntry(session, word, existsSync(folder), USAGE) : undefined;
  if (!found) return printEntry(folder, file);
  const { project, configuration } = found;
  await prepareStack(session, provisionProgress());
  const isLocked = line.flags.has("--locked");
  const resolution = await resolveEntry(session, project, configuration, { isLocked, onLine: console.error });
  const { image, commit, left } = resolution;
  for (const each of left) console.error(`not taken: ${each}`);
  if (image) console.log(`${image.wasThere ? "Is on the host" : "Built on the host"}: ${image.reference}`);
  if (!isLocked)
    console.log(
      `Wrote ${resolution.file}, of commit ${commit.slice(0, 12)}: commit it, then npm run apply -- ${word}`,
    );
  return 0;
});
