/**
 * Shell scripts about workspaces and homes, for a droplet's root and for whoever runs the stack of this machine (Linux, macOS): what POSIX has, and
 * `find -maxdepth`. An agent has written what is in a home. So they follow no link (`find`, `du`, `mv` and `rm` don't, as used here), run nothing of
 * what they find, never change into it, and print no name from it. The directories that they are given are the platform's own: no container
 * has them, but only what is below a project's name. Pure.
 */
import { SUBVOLUME } from "../../components/host/space.ts";
import { homesDirectory, servicesDirectory } from "../../config/naming/names.ts";
import { shellQuote } from "../../config/text/shell.ts";
import { leftPaths } from "./names.ts";

/** A link counts, wherever it leads. */
export const IS = `is() { [ -e "$1" ] || [ -L "$1" ]; }`;

/** Ends with 0 if a project has a workspace or home, or its services have files; with 1 if not. */
export function existsScript(directory: string, name: string): string {
  const any = Object.values(leftPaths(directory, name)).map((path) => `is ${shellQuote(path)}`);
  return `${IS}\nif ${any.join(" || ")}; then exit 0; else exit 1; fi`;
}

/** Prints the names of all workspaces, of homes, and of projects whose services have files. */
export const namesScript = (directory: string): string => `${IS}
for folder in ${shellQuote(directory)} ${shellQuote(homesDirectory(directory))} ${shellQuote(servicesDirectory(directory))}; do
  [ -d "$folder" ] || continue
  for path in "$folder"/*; do
    if is "$path"; then printf '%s\\n' "\${path##*/}"; fi
  done
done`;

/**
 * Prints a line for each name: the name, the size of its directories in KiB, and when a file of the home was last written, in seconds since 1970 (0
 * for none). opencode's database is three folders deep.
 */
export function measureScript(directory: string, names: readonly string[]): string {
  const lines = names.map((name) => {
    const { workspace, home, services } = leftPaths(directory, name);
    return `measure ${[name, workspace, home, services].map(shellQuote).join(" ")}`;
  });
  return `if stat -c %Y / >/dev/null 2>&1; then format='-c %Y'; else format='-f %m'; fi
measure() {
  size=$(du -sk -- "$2" "$3" "$4" 2>/dev/null | awk '{ all += $1 } END { printf "%.0f", all }')
  used=$(find "$3" -maxdepth 4 -type f -exec stat $format {} + 2>/dev/null | awk '$1 > last { last = $1 } END { printf "%.0f", last }')
  printf '%s\\t%s\\t%s\\n' "$1" "$size" "$used"
}
${lines.join("\n")}`;
}

/** Renames a workspace, its home and what its services keep, all or none: nothing is copied, so a full disk does not matter. */
export function moveScript(directory: string, from: string, to: string): string {
  const [old, put] = [leftPaths(directory, from), leftPaths(directory, to)];
  const pairs = (["services", "home", "workspace"] as const).map((key) =>
    [old[key], put[key]].map(shellQuote).join(" "),
  );
  const news = Object.values(put).map(shellQuote).join(" ");
  const undo = (count: number) =>
    pairs
      .slice(0, count)
      .map((pair) => `; back ${pair}`)
      .join("");
  return `${IS}
back() { if is "$2"; then mv -- "$2" "$1"; fi; }
for path in ${news}; do
  if is "$path"; then echo "$path is there already" >&2; exit 1; fi
done
put() { ! is "$1" || mv -- "$1" "$2"; }
${pairs.map((pair, index) => `put ${pair} || { :${undo(index)}; exit 1; }`).join("\n")}`;
}

/**
 * Renames a home and makes an empty one with its owner, since a container that is started again has to find one: of the same kind, since a subvolume counts towards
 * the project's limit of disk.
 */
export function resetHomeScript(directory: string, name: string, aside: string): string {
  const paths = leftPaths(directory, name);
  const [root, workspace, home] = [directory, paths.workspace, paths.home].map(shellQuote);
  const newHome = shellQuote(leftPaths(directory, aside).home);
  return `${IS}
if is ${newHome}; then echo ${newHome} is there already >&2; exit 1; fi
if ! is ${home}; then echo there is no home >&2; exit 1; fi
mv -- ${home} ${newHome} || exit 1
owner=$(ls -ldn -- ${newHome} | awk '{ print $3 ":" $4 }')
${SUBVOLUME}
make() {
  sub ${newHome} || { mkdir -m 0755 -- ${home}; return; }
  btrfs subvolume create ${home} >/dev/null && chmod 0755 ${home} || return
  ! sub ${workspace} || btrfs qgroup assign "0/$(number ${home})" "1/$(number ${workspace})" ${root} >/dev/null 2>&1 || :
}
if make && { [ "$(id -u)" != 0 ] || chown "$owner" ${home}; }; then exit 0; fi
rmdir -- ${home} 2>/dev/null
mv -- ${newHome} ${home}
exit 1`;
}

/** Deletes a workspace, its home and what its services keep, and prints the paths of what it is not allowed to delete. */
export function deleteScript(directory: string, name: string): string {
  const paths = Object.values(leftPaths(directory, name)).map(shellQuote).join(" ");
  // The last that rm does to a subvolume is rmdir, which whoever may write to the directory above is allowed. An owner can take away its own right to look into a directory, on purpose or not.
  return `${IS}
for path in ${paths}; do
  is "$path" || continue
  rm -rf -- "$path" 2>/dev/null && continue
  find "$path" -type d -exec chmod u+rwx {} \\; 2>/dev/null
  rm -rf -- "$path" 2>/dev/null
done
for path in ${paths}; do if is "$path"; then printf '%s\\n' "$path"; fi; done`;
}
