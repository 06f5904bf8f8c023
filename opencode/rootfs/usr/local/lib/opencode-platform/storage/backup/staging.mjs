// What restic reads: a folder in which a project's parts have their own names, so that paths in the repository are the same each time. On btrfs these are
// snapshots, all of one moment. Elsewhere they lead to the parts themselves, and opencode's database is a copy that was made while the project stood still.
import { cp, lstat, mkdir, readdir, symlink } from "node:fs/promises";
import { join } from "node:path";
import { DATABASE, DATABASE_FILES } from "./excludes.mjs";

/** Beside the parts: opencode's database, at its place in the home. */
export const COPIED = "database";

/**
 * @typedef {object} Staged
 * @property {string} folder where restic is run
 * @property {string} targets what it is given, NUL after each, relative to the folder
 * @property {readonly string[]} excludes patterns beside those of the project
 * @property {"one" | "database"} moment whether all is of one moment, or opencode's database alone
 */

/** The names in a folder; none if it is not there. */
const namesIn = (folder) => readdir(folder).catch(() => []);

/** The files of the database, copied as they are at this moment. */
async function copyDatabase(home, folder) {
  const from = join(home, DATABASE);
  const names = (await namesIn(from)).filter((name) => DATABASE_FILES.test(name));
  const to = join(folder, COPIED, "home", DATABASE);
  if (names.length > 0) await mkdir(to, { recursive: true, mode: 0o700 });
  for (const name of names)
    if ((await lstat(join(from, name))).isFile())
      await cp(join(from, name), join(to, name), { preserveTimestamps: true, mode: COPY_ON_WRITE });
  return names;
}
/** COPYFILE_FICLONE: no copy at all where the file system can do without. */
const COPY_ON_WRITE = 2;

/**
 * @param {Pick<import("../context.mjs").Context, "partsOf" | "copyParts" | "frozen">} context
 * @param {string} project
 * @param {string} folder which is made
 * @returns {Promise<Staged>}
 */
export async function stage(context, project, folder) {
  const parts = await context.partsOf(project);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const isSnapshot = parts.every(({ name, isSubvolume }) => isSubvolume || name === "services");
  if (isSnapshot) {
    await context.frozen(project, () => context.copyParts(project, folder, { readOnly: true }));
    return { folder, targets: parts.map(({ name }) => `${name}\0`).join(""), excludes: [], moment: "one" };
  }
  const home = parts.find(({ name }) => name === "home");
  const copied = home ? await context.frozen(project, () => copyDatabase(home.path, folder)) : [];
  const targets = copied.length > 0 ? [COPIED] : [];
  for (const { name, path } of parts) {
    const children = await readdir(path);
    // restic saves a link that it is given as a link, and follows one on its way. A folder with nothing in it has to be one itself.
    if (children.length > 0) await symlink(path, join(folder, name));
    else await mkdir(join(folder, name), { mode: 0o755 });
    targets.push(...(children.length > 0 ? children.map((child) => `${name}/${child}`) : [name]));
  }
  const excludes = copied.map((name) => `/home/${DATABASE}/${name}`);
  return { folder, targets: targets.map((target) => `${target}\0`).join(""), excludes, moment: "database" };
}
