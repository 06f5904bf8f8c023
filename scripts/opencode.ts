/**
 * `npm run opencode`: the release of opencode that each project runs. `upgrade <name> <release>` gives one project
 * another, `rollback <name>` the one before with its sessions. `--stack prod` selects another stack; `--yes` asks nothing.
 */
import { checkConfiguration } from "../config/check.ts";
import { fail } from "../config/errors.ts";
import { NEWEST } from "../config/projects/releases.ts";
import { isoMinute } from "../config/text/days.ts";
import { root } from "../operate/engine/checkout.ts";
import { parseCommandLine } from "../operate/engine/command-line.ts";
import { sessionFor } from "../operate/engine/session.ts";
import { changeRelease, planRollback } from "../operate/opencode/change.ts";
import { finishUpdate } from "../operate/opencode/finish.ts";
import { isConfirmed } from "./lib/ask.ts";
import { main } from "./lib/main.ts";
import { showUpdate } from "./lib/progress.ts";
import { table } from "./lib/table.ts";

const USAGE = "npm run opencode -- [upgrade <name> <release> | rollback <name>]";

await main(async (args) => {
  const line = parseCommandLine(args);
  const [verb, name, release, ...rest] = line.words;
  const session = sessionFor({ ...line, words: ["up"] });
  const { projects, settings } = checkConfiguration(root, session.stack);
  if (!verb) {
    const rows = projects.map(({ name, opencode }) => [name, opencode.version]);
    console.log(table(["PROJECT", "OPENCODE"], rows).join("\n"));
    console.log(`\nNewest pinned: ${Object.values(NEWEST).join(", ")}. To change one: ${USAGE}`);
    return 0;
  }
  const isUpgrade = verb === "upgrade" && release !== undefined;
  if ((!isUpgrade && (verb !== "rollback" || release)) || rest.length > 0 || !name)
    fail("config", "npm run opencode", `"${line.words.join(" ")}" is not a command`, USAGE);
  const project =
    projects.find((project) => project.name === name) ??
    fail("config", name, "is not in projects.yaml", "npm run opencode lists all projects");
  const change = { session, settings, project, notify: console.log };
  const version = isUpgrade ? release : await confirmed(change, line.flags.has("--yes"));
  if (!version) return 1;
  await showUpdate("up", (onUpdateEvent) => changeRelease({ ...change, version, onUpdateEvent }));
  return (await finishUpdate(session, settings, console.log, { project: name })) ? 0 : 1;
});

/** The release that a project goes back to; undefined if the person does not want that. */
async function confirmed(
  change: Parameters<typeof planRollback>[0],
  isSure: boolean,
): Promise<string | undefined> {
  const { copy, left } = await planRollback(change);
  const made = isoMinute(copy.madeAt);
  console.log(`${change.project.name} goes back to opencode ${copy.release}, with its sessions of ${made}.`);
  if (!left) console.log("  opencode does not answer, so the sessions made since can't be named.");
  for (const { title, id } of left ?? []) console.log(`  left behind: ${title || id}`);
  return (await isConfirmed(isSure, "Go back?")) ? copy.release : undefined;
}
