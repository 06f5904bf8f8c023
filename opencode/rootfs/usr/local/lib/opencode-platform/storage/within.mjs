// Paths in a project's copy, as its container sees them. An agent has written what is there: a link leads to where it would lead in the container, and
// nowhere outside of the copy.
import { lstat, readlink } from "node:fs/promises";
import { join } from "node:path";

/** More is a loop. */
const MAX_LINKS = 40;

/**
 * Where something is that a path of the container names, links followed; undefined where it is not there, or not in the copy.
 * @param {Readonly<Record<string, string>>} trees by the path in the container, where the copy of it is
 * @param {string} path absolute, in the container
 * @returns {Promise<string | undefined>} never the root of a tree
 */
export async function locate(trees, path) {
  const realOf = (parts) => {
    const seen = `/${parts.join("/")}`;
    for (const [place, tree] of Object.entries(trees))
      if (seen === place || seen.startsWith(`${place}/`)) return join(tree, seen.slice(place.length));
    return undefined;
  };
  const split = (text) => text.split("/").filter((part) => part && part !== ".");
  let todo = split(path);
  let done = [];
  for (let links = 0; todo.length > 0; ) {
    const [name = "", ...rest] = todo;
    todo = rest;
    if (name === "..") {
      done = done.slice(0, -1);
      continue;
    }
    const next = [...done, name];
    const real = realOf(next);
    const isRoot = Object.values(trees).includes(real ?? "");
    // On the way to a tree, or at its root, which are no agent's.
    if (real === undefined || isRoot) {
      done = next;
      continue;
    }
    const found = await lstat(real).catch(() => undefined);
    if (!found) return undefined;
    if (!found.isSymbolicLink()) {
      done = next;
      continue;
    }
    links += 1;
    if (links > MAX_LINKS) return undefined;
    const target = await readlink(real);
    if (target.startsWith("/")) done = [];
    todo = [...split(target), ...todo];
  }
  const real = realOf(done);
  return real === undefined || Object.values(trees).includes(real) ? undefined : real;
}
