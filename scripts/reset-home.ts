/**
 * `npm run reset-home -- <name>`: gives a stopped or removed project an empty home (no sessions, no settings of opencode's, nobody's trust in its
 * repository) and keeps its checkout; `--stack prod` selects another stack; `--yes` asks nothing.
 */
import { fail } from "../config/errors.ts";
import { PROJECT_NAME_PATTERN } from "../config/projects/field-schemas.ts";
import { resetHome } from "../operate/workspaces/left.ts";
import { confirm, readLeftCommand } from "./lib/left.ts";
import { main } from "./lib/main.ts";

await main(async (args) => {
  const { name = "", place, isSure } = await readLeftCommand("reset-home", args);
  if (!PROJECT_NAME_PATTERN.test(name))
    fail("config", "npm run reset-home", `"${name}" is not a project's name`, "npm run reset-home -- <name>");
  console.log(
    `${name} gets an empty home on ${place.host}: no sessions, no settings, no trust in its repository.\nIts checkout stays, with whatever was written there.`,
  );
  await confirm(name, isSure, "reset");
  const aside = await resetHome(place, name);
  console.log(
    `The home of ${name} is empty. What was in it is set aside; to delete that: npm run purge -- ${aside}${place.stackFlag}`,
  );
  return 0;
});
