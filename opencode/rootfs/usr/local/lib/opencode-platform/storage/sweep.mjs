// Checkpoints end with what they are of: those of a purged project are removed, and those of what is set aside go with it, so that a new project of the name
// begins with none.
import { readdir } from "node:fs/promises";
import { dirname } from "node:path";
import { isThere } from "./btrfs.mjs";
import { PARTS } from "./paths.mjs";

/** What a removed project's files are set aside as; the rest is the time. */
const ASIDE = ".removed-";

/** @param {import("./context.mjs").Context} context */
export async function sweep({ paths, machine, removeTree, lock, running, log }) {
  const folder = dirname(paths.checkpoints("any"));
  if (!(await isThere(folder))) return;
  const namesIn = async (path) => ((await isThere(path)) ? readdir(path) : []);
  const hasParts = async (name) => {
    for (const part of PARTS) if (await isThere(paths.part(name, part))) return true;
    return false;
  };
  /** As what it was set aside last. */
  async function asideOf(name) {
    const places = await Promise.all(PARTS.map((part) => namesIn(dirname(paths.part(name, part)))));
    return places
      .flat()
      .filter((each) => each.startsWith(`${name}${ASIDE}`))
      .sort()
      .at(-1);
  }
  async function sweepOne(name) {
    if (await hasParts(name)) return;
    const aside = await asideOf(name);
    if (aside && !(await isThere(paths.checkpoints(aside))))
      return machine.rename(paths.checkpoints(name), paths.checkpoints(aside));
    await removeTree(paths.checkpoints(name));
    log(`${name}: its checkpoints are removed with it`);
  }
  for (const name of await readdir(folder)) {
    const isBusy = running().some(({ project }) => project === name);
    if (isBusy || (await isThere(paths.journal(name)))) continue;
    await lock(name, "removal of its checkpoints", () => sweepOne(name)).catch((error) =>
      log(`${name}: ${error.message}`),
    );
  }
}
