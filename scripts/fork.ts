/**
 * `npm run fork -- <name> <new name>`: a project of its own that begins as another is now: entry, secrets, files, sessions. `--stack prod` selects another
 * stack.
 */

import { finishUpdate } from "../operate/opencode/finish.ts";
import { beginCopy } from "../operate/storage/fork.ts";
import { main } from "./lib/main.ts";
import { showUpdate } from "./lib/progress.ts";
import { assertProject, endProgress, openStorage, progressPrinter } from "./lib/storage.ts";

await main(async (args) => {
  const command = await openStorage(
    {
      script: "fork",
      words: "<name> <new-name>",
      about:
        "Adds a project that begins as another is now: its entry in projects.yaml, its secrets, files, sessions and services, with a hostname and password of its own and a branch of that name. Log-ins of providers and forges are not copied.",
      flags: { "with-logins": "copies log-ins of providers and forges too" },
    },
    args,
  );
  if (!command) return 0;
  const { storage, session, settings } = command;
  const [from = "", to = ""] = command.words;
  assertProject(command, from);
  const withLogins = command.flags.has("with-logins");
  const add = await beginCopy({
    session,
    from,
    to,
    notify: console.error,
    fill: async (owner) => {
      const answer = await storage.fork({ from, to: owner, withLogins }, progressPrinter());
      endProgress();
      command.valueOf(answer, to);
    },
  });
  await showUpdate("up", add);
  if (!withLogins)
    console.log(`${to} has no log-in of a provider or forge yet; --with-logins would have copied them.`);
  return (await finishUpdate(session, settings, console.log, { project: to })) ? 0 : 1;
});
