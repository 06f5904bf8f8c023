/** `npm run checkpoint -- <name> [<label>]`: keeps a project as it is now beside it, on its host's disk. `--stack prod` selects another stack. */
import { main } from "./lib/main.ts";
import { assertProject, endProgress, openStorage, progressPrinter } from "./lib/storage.ts";
import { checkpointMade } from "./lib/storage-words.ts";

await main(async (args) => {
  const command = await openStorage(
    {
      script: "checkpoint",
      words: "<name> [<label>]",
      about:
        "Keeps workspace, home and services of a project as they are now, on the same disk. A label is of lower-case letters, digits and hyphens.",
    },
    args,
  );
  if (!command) return 0;
  const [name = "", label] = command.words;
  assertProject(command, name);
  const answer = await command.storage.checkpoint(name, { label }, progressPrinter());
  endProgress();
  const made = command.valueOf(answer, name);
  console.log(checkpointMade(name, made, command.stackFlag));
  return 0;
});
