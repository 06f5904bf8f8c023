// A project's parts as trees: copied as of one moment, given to somebody, removed. On btrfs a copy is a snapshot, which takes no time and no room.
import { lstat } from "node:fs/promises";
import { join } from "node:path";
import { isSubvolume, isThere, makeSubvolumes } from "./btrfs.mjs";
import { PARTS } from "./paths.mjs";

/**
 * @typedef {{name: string, path: string, isSubvolume: boolean}} Part
 * @typedef {ReturnType<typeof makeParts>} Parts
 * @param {{paths: import("./paths.mjs").Paths, machine: import("./machine.mjs").Machine, subvolumes?: import("./btrfs.mjs").Subvolumes}} given
 */
export function makeParts({ paths, machine, subvolumes = makeSubvolumes(machine) }) {
  const found = async (pathOf) => {
    const parts = [];
    for (const name of PARTS) {
      const path = pathOf(name);
      if ((await isThere(path)) && (await lstat(path)).isDirectory())
        parts.push({ name, path, isSubvolume: await isSubvolume(path) });
    }
    return parts;
  };

  /** @returns whether it is a snapshot, with all that is in it */
  async function copyTree(from, to) {
    const nested = await subvolumes.within(from);
    const isWhole = await isSubvolume(from);
    if (isWhole) await subvolumes.snapshot(from, to);
    // `-x`: a subvolume within is another file system, of which an empty folder is made.
    else await machine.run("cp", ["-a", "-x", "--reflink=auto", "--", from, to]);
    let isSnapshot = isWhole;
    for (const path of nested) {
      // What a snapshot has in place of a subvolume.
      await machine.run("rmdir", ["--", join(to, path)]);
      isSnapshot = (await copyTree(join(from, path), join(to, path))) && isSnapshot;
    }
    return isSnapshot;
  }

  /** Subvolumes of a tree, itself included, the innermost first. @returns {Promise<string[]>} */
  async function allWithin(folder) {
    const nested = await subvolumes.within(folder);
    const below = [];
    for (const path of nested) below.push(...(await allWithin(join(folder, path))));
    return (await isSubvolume(folder)) ? [...below, folder] : below;
  }

  return {
    /** Subvolumes of parts, with those in them. @param {readonly Part[]} parts @returns {Promise<string[]>} */
    async subvolumesOf(parts) {
      const all = [];
      for (const { path } of parts) all.push(...(await allWithin(path)));
      return all;
    },
    /** What a project has. @param {string} project @returns {Promise<Part[]>} */
    partsOf: (project) => found((name) => paths.part(project, name)),
    /** What a folder holds of a project's parts: a checkpoint, what is prepared. @returns {Promise<Part[]>} */
    partsIn: (folder) => found((name) => join(folder, name)),

    /**
     * Copies parts into a folder, which is made. Of one moment only while the project stands still (`frozen`).
     * @param {readonly Part[]} parts @param {string} folder
     * @param {{readOnly?: boolean}} [options] `readOnly` where they are snapshots. Default: they can be written to
     * @returns {Promise<{kind: "snapshot" | "copy"}>} `copy` where any part is one
     */
    async copyAll(parts, folder, { readOnly = false } = {}) {
      await machine.makeDirectory(folder);
      let isSnapshot = true;
      for (const { name, path } of parts)
        isSnapshot = (await copyTree(path, join(folder, name))) && isSnapshot;
      if (readOnly)
        for (const { name } of parts)
          for (const path of await allWithin(join(folder, name))) await subvolumes.setReadOnly(path, true);
      return { kind: isSnapshot ? "snapshot" : "copy" };
    },
    /** The same of all that a project has. @param {string} project @param {string} folder @param {{readOnly?: boolean}} [options] */
    async copyParts(project, folder, options) {
      return this.copyAll(await this.partsOf(project), folder, options);
    },

    /** Removes a tree with the subvolumes in it, or what is left of it. @param {string} folder */
    async removeTree(folder) {
      if (!(await isThere(folder))) return;
      if (!(await lstat(folder)).isDirectory()) return machine.remove(folder);
      const all = await allWithin(folder);
      // One cannot be taken out of another that is read-only.
      for (const path of all.toReversed()) await subvolumes.setReadOnly(path, false);
      // What it does not say of itself, rm finds.
      for (const path of all) await subvolumes.remove(path).catch(() => machine.remove(path));
      if (await isThere(folder)) await machine.remove(folder);
    },

    /**
     * Gives a tree, with all that is in it, to a user. Not for what services keep, which belongs to users of their images. The only thing here that walks
     * through all files: a second for some hundred thousand of them, nothing where the user is the same.
     * @param {string} folder @param {number} uid @param {number} gid
     */
    async own(folder, uid, gid) {
      const { uid: before, gid: group } = await lstat(folder);
      if (before === uid && group === gid) return;
      await machine.run("chown", ["-hRP", `${uid}:${gid}`, "--", folder]);
    },
  };
}
