// What a storage program that starts does first: it ends what the one before it has begun.
import { readdir } from "node:fs/promises";
import { isThere } from "./btrfs.mjs";

/**
 * Puts projects back whose replacement was interrupted, and removes what was never finished.
 * @param {import("./context.mjs").Context} context
 * @returns {Promise<number>} how many could not be put back yet: `recover` tries them again
 */
export async function begin(context) {
  const { paths, log } = context;
  const left = await context.recover();
  const unfinished = await context.unfinished();
  for (const project of (await isThere(paths.works)) ? await readdir(paths.works) : []) {
    if (unfinished.has(project)) continue;
    await context
      .removeTree(paths.work(project))
      .catch((error) => log(`${project}: unfinished work is left: ${error.message}`));
  }
  return left;
}
