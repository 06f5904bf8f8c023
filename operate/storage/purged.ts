/** Checkpoints of a purged project, where no storage program runs that removes them with what they are of (its `sweep.mjs`). */

import { SUBVOLUME } from "../../components/host/space.ts";
import { storageDirectory } from "../../config/naming/names.ts";
import { shellQuote } from "../../config/text/shell.ts";
import { leftPaths, projectOfAside } from "../workspaces/names.ts";
import type { WorkspacesPlace } from "../workspaces/place.ts";
import { IS } from "../workspaces/scripts.ts";
import type { Storage } from "./client.ts";

/** Milliseconds for the removal. */
const REMOVE_MS = 600_000;

/**
 * Shell script that removes the checkpoints of a project of which nothing is left: no file of its name is in place, which could be a new project's with
 * checkpoints of its own, none is set aside, which could be put back, and no replacement of them is unfinished. Prints where there may still be any: first
 * whether that is on btrfs, `btrfs` or `other`, then the path. Pure.
 */
export function removeCheckpointsScript(directory: string, project: string): string {
  const places = Object.values(leftPaths(directory, project)).map(shellQuote);
  const own = storageDirectory(directory);
  const [folder, work, journal] = [
    `${own}/checkpoints/${project}`,
    `${own}/work/${project}`,
    `${own}/journal/${project}.json`,
  ].map(shellQuote);
  // A checkpoint that is removed halfway would be one without its description. Below `work` the storage program's next start removes it.
  return `${IS}
${SUBVOLUME}
for path in ${places.flatMap((path) => [path, `${path}.removed-*`]).join(" ")} ${journal}; do
  if is "$path"; then exit 0; fi
done
kind=other
[ "$(stat -f -c %T -- ${shellQuote(directory)} 2>/dev/null)" != btrfs ] || kind=btrfs
left() { printf '%s\\t%s\\n' "$kind" "$1"; exit 0; }
[ -d ${shellQuote(own)} ] || exit 0
[ -x ${shellQuote(own)} ] || left ${folder}
gone=${work}/purged
remove() {
  is "$gone" || return 0
  for path in "$gone"/*/*; do ! sub "$path" || btrfs subvolume delete "$path" >/dev/null 2>&1; done
  rm -rf -- "$gone" 2>/dev/null && return
  # An agent may have made subvolumes within.
  find "$gone" -type d -inum 256 -exec btrfs property set -ts {} ro false \\; 2>/dev/null
  rm -rf -- "$gone" 2>/dev/null || left "$gone"
}
remove
is ${folder} || { rmdir -- ${work} 2>/dev/null; exit 0; }
{ (umask 077; mkdir -p -- ${work}) && mv -- ${folder} "$gone"; } 2>/dev/null || left ${folder}
remove
rmdir -- ${work} 2>/dev/null
exit 0`;
}

/**
 * Removes the checkpoints of what was purged if nothing of the project is left, and the storage program, which would do so, does not run.
 * @param name a project's, or that of something set aside
 * @returns what to do about those that this user can't remove, or look for; undefined if there are none
 */
export async function removePurgedCheckpoints(
  place: WorkspacesPlace,
  storage: Pick<Storage, "status">,
  name: string,
): Promise<string | undefined> {
  const project = projectOfAside(name) ?? name;
  // One that runs and does not answer may be about to remove them.
  if ((await storage.status()).kind !== "missing") return undefined;
  const { code, stdout } = await place.run(removeCheckpointsScript(place.directory, project), REMOVE_MS);
  const [kind, path] = stdout.trim().split("\t");
  const left =
    path ?? (code === 0 ? undefined : `${storageDirectory(place.directory)}/checkpoints/${project}`);
  if (left === undefined) return undefined;
  return `What ${project} has of checkpoints is still in ${left} on ${place.host}. It goes once the platform has started again; to remove it now: ${removal(left, kind === "btrfs")}`;
}

/** A command that removes checkpoints. `rm` alone removes no read-only snapshot. */
function removal(path: string, isBtrfs: boolean): string {
  const quoted = shellQuote(path);
  if (!isBtrfs) return `sudo rm -rf ${quoted}`;
  return `sudo sh -c 'btrfs subvolume delete "$0"/*/*; rm -rf "$0"' ${quoted}`;
}
