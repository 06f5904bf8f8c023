/** From which directories of this machine a panel may clone: an entry with another path would show its files to an agent. */
import { realpathSync } from "node:fs";
import { homedir } from "node:os";
import { relative, resolve, sep } from "node:path";
import { parseRepo } from "../../../config/projects/repo.ts";

/**
 * Why a repository can't be cloned by a panel on this machine; undefined if it can, or is no path.
 * @param root the checkout, which relative paths are relative to
 * @param directories allowed ones, with everything below them; `~` is the home directory
 */
export function outsideRepo(repo: string, root: string, directories: readonly string[]): string | undefined {
  const source = parseRepo(repo);
  if ("mistake" in source || source.kind !== "local") return undefined;
  const path = real(resolve(root, source.url));
  const isWithin = (directory: string) => {
    const way = relative(real(resolve(root, directory.replace(/^~(?=\/|$)/, homedir()))), path);
    return way !== ".." && !way.startsWith(`..${sep}`);
  };
  if (directories.some(isWithin)) return undefined;
  return `${repo} is outside the directories that the panel clones from: ${directories.join(", ")}`;
}

/** A link must not lead out of a directory. */
function real(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}
