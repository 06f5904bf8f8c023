// What a storage program that starts does first: it ends what the one before it has begun.
import { readdir } from "node:fs/promises";

/**
 * Makes the program's folders, puts projects back whose replacement was interrupted, and removes what was never finished.
 * @param {import("./context.mjs").Context} context
 * @returns {Promise<number>} how many could not be put back yet: `recover` tries them again
 */
export async function begin(context) {
  const { paths, machine, log } = context;
  for (const folder of [paths.own, paths.works, paths.journals, paths.cache])
    await machine.makeDirectory(folder);
  const left = await context.recover();
  const unfinished = await context.unfinished();
  for (const project of await readdir(paths.works)) {
    if (unfinished.has(project)) continue;
    await context
      .removeTree(paths.work(project))
      .catch((error) => log(`${project}: unfinished work is left: ${error.message}`));
  }
  return left;
}
