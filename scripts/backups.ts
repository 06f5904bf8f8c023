/** `npm run backups -- [<name>]`: the backups of a project, or of all, removed ones too. `--stack prod` selects another stack. */
import { BACKUP_COLUMNS, backupRow } from "../operate/storage/words.ts";
import { main } from "./lib/main.ts";
import { openStorage } from "./lib/storage.ts";
import { howToRestore } from "./lib/storage-words.ts";
import { table } from "./lib/table.ts";

await main(async (args) => {
  const command = await openStorage(
    {
      script: "backups",
      words: "[<name>]",
      about:
        "Lists the backups of one project, or of all, those of removed projects too: when, how much, opencode's release.",
    },
    args,
  );
  if (!command) return 0;
  const [name] = command.words;
  const found = command.valueOf(await command.storage.backups(name), name ?? "backups");
  if (found.length === 0) console.log(name === undefined ? "There is no backup." : `${name} has no backup.`);
  else
    console.log(
      `${table(BACKUP_COLUMNS, found.map(backupRow)).join("\n")}\n\n${howToRestore(command.stackFlag)}`,
    );
  return 0;
});
