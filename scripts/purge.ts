/**
 * `npm run purge`: lists the workspaces and homes of removed projects, and what was set aside. `-- <name>` deletes one of them; `--stack prod`
 * selects another stack; `--yes` asks nothing. Where backups are set up a last one is taken first; `--without-backup` takes none.
 */
import { fail } from "../config/errors.ts";
import { scriptOn } from "../operate/engine/session.ts";
import { deleteWithLastBackup } from "../operate/storage/last-backup.ts";
import { describeLeft, listLeft } from "../operate/workspaces/left.ts";
import { isLeftName } from "../operate/workspaces/names.ts";
import { confirm, leftTable, readLeftCommand } from "./lib/left.ts";
import { main } from "./lib/main.ts";
import { endProgress, progressPrinter } from "./lib/storage.ts";

const WITHOUT = "--without-backup";

await main(async (args) => {
  const { name, projects, settings, place, isSure, storage, flags } = await readLeftCommand("purge", args, [
    WITHOUT,
  ]);
  const where = `${place.directory} on ${place.host}`;
  if (name === undefined) {
    const left = await listLeft(place, projects);
    if (left.length === 0) console.log(`Nothing is left behind in ${where}.`);
    else
      console.log(
        `${leftTable(left).join("\n")}\n\nIn ${where}. To delete one: npm run purge -- <name>${place.stackFlag}`,
      );
    return 0;
  }
  const all = `${scriptOn("purge", place.stackFlag)} lists what can be deleted`;
  if (!isLeftName(name)) fail("config", "npm run purge", `"${name}" is not a project's name`, all);
  const inUse = "remove it from projects.yaml and apply that, then purge";
  if (projects.includes(name)) fail("conflict", name, "is in projects.yaml", inUse);
  const left = await describeLeft(place, name);
  if (!left) return fail("config", name, `has no workspace in ${where}`, all);
  console.log(
    `This permanently deletes from ${where}, with all files and sessions:\n\n${leftTable([left]).join("\n")}\n`,
  );
  await confirm(name, isSure, "deleted");
  await deleteWithLastBackup(place, name, {
    storage,
    withoutBackup: flags.has(WITHOUT),
    without: `npm run purge -- ${name} ${WITHOUT}${place.stackFlag}`,
    isSetUp: () => settings.backup !== undefined,
    onProgress: progressPrinter(),
    tell: (text) => {
      endProgress();
      console.log(text);
    },
  });
  console.log(`Deleted the workspace of ${name}.`);
  return 0;
});
