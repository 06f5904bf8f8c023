/**
 * `npm run restore -- <name>`: brings a project back from a backup: `--at <id>`, `--into <new name>`, `--path <file or folder>`; `--all` every project of
 * the file, after a loss of everything. `--stack prod` selects another stack; `--yes` asks nothing.
 */
import { main } from "./lib/main.ts";
import { restoreAll, restoreInto, restoreOne } from "./lib/restore.ts";
import { openStorage } from "./lib/storage.ts";

await main(async (args) => {
  const command = await openStorage(
    {
      script: "restore",
      words: "<name>",
      about:
        "Brings a project back from a backup. What is there is backed up first; what is restored is made beside it, looked at and swapped in, and on any failure the project goes on as it was.",
      flags: {
        "at=":
          "the backup: an id of npm run backups, or a time, of which it takes the last before. Default: the newest",
        "into=": "restores it as a new project of that name, and adds its entry",
        "path=": "restores that file or folder alone: of the workspace, or below /home/opencode",
        "without-backup": "takes no backup of what is there first, as where the bucket is full",
        all: "restores every project of projects.yaml from its newest backup, after a loss of everything",
      },
      orFlag: "all",
    },
    args,
  );
  if (!command) return 0;
  if (command.flags.has("all")) return restoreAll(command);
  return command.flags.has("into") ? restoreInto(command) : restoreOne(command);
});
