// Subvolumes, by the program `btrfs`: elsewhere there are none, and a copy is one.
import { lstat, realpath, statfs } from "node:fs/promises";
import { dirname, join, relative } from "node:path";

const BTRFS = 0x9123683e;
/** The inode of the root of every subvolume. */
const ROOT_INODE = 256;

/** Whether a path is on btrfs. */
export const isBtrfs = async (path) => (await statfs(path)).type === BTRFS;

/** Whether something is there, whatever it is. */
export async function isThere(path) {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if (error.code === "ENOENT" || error.code === "ENOTDIR") return false;
    throw error;
  }
}

/** Whether a path is the root of a subvolume; not a link to one. */
export async function isSubvolume(path) {
  const found = await lstat(path);
  return found.isDirectory() && found.ino === ROOT_INODE && (await isBtrfs(path));
}

/** Whether a path from a list is that of a subvolume in a folder: an agent gives its own any name, with line breaks too, and puts links beside it. */
async function isWithin(folder, path) {
  if (path === "" || path.startsWith("..")) return false;
  try {
    const whole = join(folder, path);
    return (await realpath(whole)) === join(await realpath(folder), path) && (await isSubvolume(whole));
  } catch {
    return false; // nothing of the name
  }
}

/** @typedef {ReturnType<typeof makeSubvolumes>} Subvolumes */

/** @param {Pick<import("./machine.mjs").Machine, "run">} machine */
export function makeSubvolumes({ run }) {
  const btrfs = (...args) => run("btrfs", args);
  const idOf = async (path) => (await btrfs("inspect-internal", "rootid", path)).trim();

  return {
    /**
     * The subvolumes directly within a folder, without walking through a subvolume's files: the kernel has a list of them.
     * @param {string} folder @returns {Promise<string[]>} paths, relative to it
     */
    async within(folder) {
      if (!(await isBtrfs(folder))) return [];
      if (!(await isSubvolume(folder))) {
        const found = await run("find", [
          ...[folder, "-xdev", "-mindepth", "1", "-type", "d", "-inum", String(ROOT_INODE)],
          "-print0",
        ]);
        return found
          .split("\0")
          .filter(Boolean)
          .map((path) => relative(folder, path));
      }
      const listed = await btrfs("subvolume", "list", "-o", folder);
      const paths = listed.split("\n").flatMap((line) => / path (.*)$/.exec(line)?.[1] ?? []);
      if (paths.length === 0) return [];
      // They are said from the file system's own root, wherever that is mounted.
      const own = (await btrfs("inspect-internal", "subvolid-resolve", await idOf(folder), folder)).trim();
      const found = [];
      for (const path of paths.map((each) => relative(join("/", own), join("/", each))))
        if (await isWithin(folder, path)) found.push(path);
      return found;
    },
    /** @param {string} from @param {string} to what must not be there */
    snapshot: (from, to) => btrfs("subvolume", "snapshot", from, to),
    setReadOnly: (path, isReadOnly) => btrfs("property", "set", "-ts", path, "ro", String(isReadOnly)),
    remove: (path) => btrfs("subvolume", "delete", path),
    idOf,
    /** The groups of single subvolumes. @param {readonly string[]} paths @returns {Promise<string[]>} */
    groupsOf: (paths) => Promise.all(paths.map(async (path) => `0/${await idOf(path)}`)),

    /** A project's limit, by the number of its workspace's subvolume: its members, and bytes. Undefined where there are no quotas, or none of it. */
    async limitOf(workspace) {
      if (!(await isThere(workspace)) || !(await isSubvolume(workspace))) return undefined;
      const group = `1/${await idOf(workspace)}`;
      const table = await btrfs("qgroup", "show", "-rc", "--raw", dirname(workspace)).catch(() => "");
      for (const line of table.split("\n")) {
        const [id, , , limit = "none", members = ""] = line.trim().split(/\s+/);
        if (id !== group) continue;
        const bytes = Number(limit);
        return {
          group,
          members: members.split(",").filter((each) => each.includes("/")),
          bytes: Number.isFinite(bytes) ? bytes : undefined,
        };
      }
      return undefined;
    },
    /** Makes a group, or adds to one, where there are quotas: what is there already, or gone, is no fault. */
    async limit(root, group, members, bytes) {
      if ((await btrfs("qgroup", "show", root).catch(() => "")) === "") return;
      await btrfs("qgroup", "create", group, root).catch(() => "");
      for (const member of members) await btrfs("qgroup", "assign", member, group, root).catch(() => "");
      if (bytes !== undefined) await btrfs("qgroup", "limit", String(bytes), group, root);
    },
    async unlimit(root, group, members) {
      for (const member of members) await btrfs("qgroup", "remove", member, group, root).catch(() => "");
      await btrfs("qgroup", "destroy", group, root).catch(() => "");
    },
  };
}
