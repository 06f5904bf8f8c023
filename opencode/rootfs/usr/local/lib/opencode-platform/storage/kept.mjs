// Where checkpoints are: those of a name, of whichever project that has had it.
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { isThere } from "./btrfs.mjs";

/** What a checkpoint's folder says of it. */
export const META = "meta.json";

/** @param {Pick<import("./context.mjs").Context, "paths" | "machine" | "removeTree">} context */
export function makeKept({ paths, machine, removeTree }) {
  const folderOf = (project, id) => join(paths.checkpoints(project), id);
  return {
    folderOf,
    /** All of a name, oldest first, each with the life that it is of (lives.mjs). @param {string} project */
    async all(project) {
      const folder = paths.checkpoints(project);
      if (!(await isThere(folder))) return [];
      const found = [];
      for (const id of (await readdir(folder)).sort())
        found.push(JSON.parse(await readFile(join(folder, id, META), "utf8")));
      return found;
    },
    /** @param {string} project @param {string} id */
    async drop(project, id) {
      // Out of the list at once; what is left of it after an interruption is unfinished work.
      const gone = join(paths.work(project), `dropped-${id}`);
      await removeTree(gone);
      await machine.makeDirectory(paths.work(project));
      await machine.rename(folderOf(project, id), gone);
      await removeTree(gone);
    },
  };
}
