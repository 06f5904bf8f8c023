/** `npm run backup -- [<name>]`: backs up a project now, or all of them. `--stack prod` selects another stack. */
import { BACKUP_COLUMNS, backupRow } from "../operate/storage/words.ts";
import { main } from "./lib/main.ts";
import { endProgress, openStorage, progressPrinter } from "./lib/storage.ts";
import { table } from "./lib/table.ts";

await main(async (args) => {
  const command = await openStorage(
    {
      script: "backup",
      words: "[<name>]",
      about:
        "Backs up one project now, or all of them one after the other. A project that sleeps is not woken.",
    },
    args,
  );
  if (!command) return 0;
  const [name] = command.words;
  const answer = await command.storage.backup(name, undefined, progressPrinter());
  endProgress();
  const made = command.valueOf(answer, name ?? "backup");
  if (made.length === 0) console.log("There is nothing to back up.");
  else console.log(table(BACKUP_COLUMNS, made.map(backupRow)).join("\n"));
  return 0;
});
