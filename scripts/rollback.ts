/**
 * `npm run rollback -- <name> <label>`: takes a project back to a checkpoint; what it has now is kept as one. `--stack prod` selects another stack;
 * `--yes` asks nothing. Another release of opencode is `npm run opencode -- rollback`.
 */

import { isConfirmed } from "./lib/ask.ts";
import { main } from "./lib/main.ts";
import { assertProject, endProgress, openStorage, progressPrinter } from "./lib/storage.ts";
import { rollbackBegins } from "./lib/storage-words.ts";

await main(async (args) => {
  const command = await openStorage(
    {
      script: "rollback",
      words: "<name> <label>",
      about:
        "Takes a project back to a checkpoint, by its label or id: files, sessions and services. What it has now is kept as the checkpoint before-rollback.",
    },
    args,
  );
  if (!command) return 0;
  const [name = "", label = ""] = command.words;
  assertProject(command, name);
  console.log(rollbackBegins(name, label, command.stackFlag));
  if (!(await isConfirmed(command.isSure, "Go back?"))) return 1;
  const answer = await command.storage.rollback(name, label, progressPrinter());
  endProgress();
  command.valueOf(answer, name);
  console.log(`${name} is as it was at ${label}.`);
  return 0;
});
