// A fork's own git branch: in each repository of a copied workspace, from where it stands. By git's files and not by git, which would run what the
// repository tells it to (hooks, filters), with this program's rights. No file of the working tree changes.
import { lstat, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

/** `repos` may lie in folders of folders. */
const DEPTH = 3;
const COMMIT = /^[0-9a-f]{40}(?:[0-9a-f]{24})?$/;
const MAX_BYTES = 50 * 2 ** 20;

const isFolder = async (path) => (await lstat(path).catch(() => undefined))?.isDirectory() ?? false;

/** Text of a plain file; empty where there is none. */
async function textOf(path) {
  const found = await lstat(path).catch(() => undefined);
  return found?.isFile() && found.size < MAX_BYTES ? readFile(path, "utf8") : "";
}

/** Folders with a repository of their own. @returns {Promise<string[]>} */
export async function repositoriesIn(folder, depth = DEPTH) {
  if (await isFolder(join(folder, ".git"))) return [folder];
  if (depth === 0) return [];
  const entries = await readdir(folder, { withFileTypes: true });
  const found = [];
  for (const entry of entries)
    if (entry.isDirectory() && !entry.name.startsWith(".") && entry.name !== "node_modules")
      found.push(...(await repositoriesIn(join(folder, entry.name), depth - 1)));
  return found;
}

/** The commit of a branch: in a file of its own, or among the packed ones. */
async function commitOf(git, ref) {
  const loose = /^refs\/heads\/(?!.*\.\.)[^\0\s]+$/.test(ref) ? (await textOf(join(git, ref))).trim() : "";
  if (COMMIT.test(loose)) return loose;
  const packed = (await textOf(join(git, "packed-refs")))
    .split("\n")
    .find((line) => line.endsWith(` ${ref}`));
  return packed?.split(" ")[0] ?? "";
}

/**
 * @param {Pick<import("./machine.mjs").Machine, "write" | "remove">} machine
 * @param {string} workspace @param {string} name of the branch; with a number where there is one
 * @returns {Promise<string[]>} the branches that were made
 */
export async function branchOff(machine, workspace, name) {
  const made = [];
  for (const folder of await repositoriesIn(workspace)) {
    const git = join(folder, ".git");
    const head = join(git, "HEAD");
    const text = (await textOf(head)).trim();
    const current = /^ref: (.+)$/.exec(text)?.[1];
    const commit = current ? await commitOf(git, current) : text;
    const isUsual = (await isFolder(join(git, "refs"))) && (await isFolder(join(git, "refs/heads")));
    if (!COMMIT.test(commit) || !isUsual) continue; // no commit yet, or branches are kept in another form
    const packed = await textOf(join(git, "packed-refs"));
    let branch = name;
    for (let count = 2; await isTaken(git, packed, branch); count += 1) branch = `${name}-${count}`;
    const like = await lstat(head);
    // No program of it is in the copy that would take its lock away.
    await machine.remove(join(git, "index.lock"));
    await machine.write(join(git, "refs/heads", branch), `${commit}\n`, like);
    await machine.write(head, `ref: refs/heads/${branch}\n`, like);
    made.push(branch);
  }
  return made;
}

async function isTaken(git, packed, branch) {
  const isPacked = packed
    .split("\n")
    .some((line) => line.endsWith(` refs/heads/${branch}`) || line.includes(` refs/heads/${branch}/`));
  return isPacked || (await lstat(join(git, "refs/heads", branch)).catch(() => undefined)) !== undefined;
}
