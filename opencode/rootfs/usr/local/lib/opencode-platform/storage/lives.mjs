// A name is used again: what a project's name has of checkpoints and backups may be another, earlier project's. Its present files have a life of their own, which is
// known by their home directory, and which checkpoints and backups carry.
import { randomBytes } from "node:crypto";
import { lstat, readFile } from "node:fs/promises";
import { isSubvolume as isRoot, isThere } from "./btrfs.mjs";

const LIFE = /^[0-9a-f]{16}$/;
/** Of each name, the last ones: a replacement of the files adds one. */
const MOST = 100;

/**
 * What stays the same of a directory when it is renamed, and is never another's; undefined where there is none.
 * @param {Pick<import("./btrfs.mjs").Subvolumes, "idOf">} subvolumes
 * @returns {(path: string) => Promise<string | undefined>}
 */
export const makeIdentityOf =
  (subvolumes, isSubvolume = isRoot) =>
  async (path) => {
    if (!(await isThere(path))) return undefined;
    const { ino, birthtimeNs } = await lstat(path, { bigint: true });
    const subvolume = (await isSubvolume(path)) ? [await subvolumes.idOf(path)] : [];
    return [ino, birthtimeNs, ...subvolume].join(":");
  };

/** @typedef {ReturnType<typeof makeLives>} Lives */

/**
 * @param {{paths: import("./paths.mjs").Paths, machine: import("./machine.mjs").Machine, subvolumes: Pick<import("./btrfs.mjs").Subvolumes, "idOf">,
 *   isSubvolume?: (path: string) => Promise<boolean>}} given
 */
export function makeLives({ paths, machine, subvolumes, isSubvolume = isRoot }) {
  let last = Promise.resolve();
  /** One after the other. */
  function inTurn(work) {
    const next = last.then(work);
    last = next.catch(() => {});
    return next;
  }

  const identityOf = makeIdentityOf(subvolumes, isSubvolume);
  /** @returns {Promise<{id: string, identity: string}[]>} the newest last */
  async function read(project) {
    const path = paths.lives(project);
    return (await isThere(path)) ? JSON.parse(await readFile(path, "utf8")) : [];
  }
  async function add(project, identity, ids) {
    const others = (await read(project)).filter(
      (each) => each.identity !== identity || !ids.includes(each.id),
    );
    const all = [...others, ...ids.map((id) => ({ id, identity }))].slice(-MOST);
    await machine.makeDirectory(paths.allLives);
    await machine.write(paths.lives(project), `${JSON.stringify(all)}\n`);
  }
  const fresh = () => randomBytes(8).toString("hex");

  /** Lives of the present files, the newest last: files that nobody has seen yet begin one. */
  async function present(project) {
    const identity = await identityOf(paths.part(project, "home"));
    if (identity === undefined) return [];
    const ids = (await read(project)).filter((each) => each.identity === identity).map(({ id }) => id);
    if (ids.length > 0) return ids;
    const id = fresh();
    await add(project, identity, [id]);
    return [id];
  }

  const prepare = (project, home, id) =>
    inTurn(async () => {
      if (id !== undefined && !LIFE.test(id)) throw new Error(`${id} is no life`);
      const identity = await identityOf(home);
      if (identity === undefined) return;
      const before = (await present(project)).filter((each) => each !== id);
      const ids = id === undefined ? before : [...before, id];
      await add(project, identity, ids.length > 0 ? ids : [fresh()]);
    });

  return {
    /** The life of a project's present files. @param {string} project @returns {Promise<string | undefined>} undefined where it has no home (yet) */
    of: (project) => inTurn(async () => (await present(project)).at(-1)),
    /**
     * That one, and those which the files have had in the same project, before a backup of another life was restored into it: the people are the same.
     * What is of any of them is the present project's. @param {string} project @returns {Promise<string[]>} the newest last
     */
    all: (project) => inTurn(() => present(project)),
    /** Gives the present files a life, beside what they have. @param {string} project @param {string} id */
    adopt: (project, id) => prepare(project, paths.part(project, "home"), id),
    /**
     * The same of a home that is not in its place yet: it goes on with the lives of the files that it replaces; where there are none, with a new one.
     * @param {string} project @param {string} home @param {string} [id] one that it gets besides, of a backup
     */
    prepare,
    /**
     * Lives of homes that are there: a project's own, and what is set aside of its name and can be put back.
     * @param {string} project @param {readonly string[]} homes @returns {Promise<Set<string>>}
     */
    ofHomes: (project, homes) =>
      inTurn(async () => {
        const identities = new Set(await Promise.all(homes.map(identityOf)));
        const found = (await read(project)).filter(({ identity }) => identities.has(identity));
        return new Set(found.map(({ id }) => id));
      }),
  };
}
