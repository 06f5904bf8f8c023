/** `npm run checkpoints -- <name>`: the checkpoints of a project; `--drop <label>` deletes one. `--stack prod` selects another stack. */
import { CHECKPOINT_COLUMNS, checkpointRow } from "../operate/storage/words.ts";
import { main } from "./lib/main.ts";
import { assertProject, openStorage } from "./lib/storage.ts";
import { noCheckpoint } from "./lib/storage-words.ts";
import { table } from "./lib/table.ts";

await main(async (args) => {
  const command = await openStorage(
    {
      script: "checkpoints",
      words: "<name>",
      about: "Lists the checkpoints of a project, with what each alone takes on the disk.",
      flags: { "drop=": "deletes the checkpoint of that label or id" },
    },
    args,
  );
  if (!command) return 0;
  const { storage, flags } = command;
  const [name = ""] = command.words;
  assertProject(command, name);
  const label = flags.get("drop");
  if (label !== undefined) {
    command.valueOf(await storage.drop(name, label), name);
    console.log(`The checkpoint ${label} of ${name} is deleted.`);
    return 0;
  }
  const found = command.valueOf(await storage.checkpoints(name), name);
  if (found.length === 0) console.log(noCheckpoint(name, command.stackFlag));
  else console.log(table(CHECKPOINT_COLUMNS, found.map(checkpointRow)).join("\n"));
  return 0;
});
