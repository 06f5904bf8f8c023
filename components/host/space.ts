/**
 * A project's share of the disk, where its directories are on btrfs with quotas: each is a subvolume, and all of a project's are in one group, which has the limit.
 * The group has the number of the workspace's subvolume, so that what is set aside keeps its own, and a new project of the name begins with nothing.
 */
import { dirname } from "node:path";
import { shellQuote } from "../../config/text/shell.ts";

/** Whether quotas can be had at a directory, as a shell test: on btrfs, by whoever is allowed to look at them. */
export const hasQuotas = (root: string): string =>
  `[ "$(stat -f -c %T -- ${shellQuote(root)} 2>/dev/null)" = btrfs ] && btrfs qgroup show -- ${shellQuote(root)} >/dev/null 2>&1`;

/** Shell functions: whether a path is a subvolume, and its number. The root of every subvolume has the inode 256. */
export const SUBVOLUME = `sub() { [ "$(stat -f -c %T -- "$1" 2>/dev/null)" = btrfs ] && [ "$(stat -c %i -- "$1" 2>/dev/null)" = 256 ]; }
number() { btrfs inspect-internal rootid "$1"; }`;

/**
 * Shell commands that make a project's directories subvolumes and limit what they hold together. Where there are no quotas they do nothing, and a
 * directory that is there stays what it is: one that is no subvolume is not limited (`doctor` says so).
 * @param root the directory of the workspaces
 * @param directories the workspace first
 */
export function limitSpace(root: string, directories: readonly string[], bytes: number): string {
  const [workspace = "", ...others] = directories.map(shellQuote);
  const parents = [...new Set(directories.map(dirname))].map(shellQuote).join(" ");
  const quotedRoot = shellQuote(root);
  return `! { ${hasQuotas(root)}; } || {
${SUBVOLUME}
mkdir -p ${parents} && for path in ${[workspace, ...others].join(" ")}; do
  [ -e "$path" ] || [ -L "$path" ] || btrfs subvolume create "$path" >/dev/null || exit
done
! sub ${workspace} || {
  group="1/$(number ${workspace})"
  btrfs qgroup create "$group" ${quotedRoot} >/dev/null 2>&1 || :
  for path in ${[workspace, ...others].join(" ")}; do
    ! sub "$path" || btrfs qgroup assign "0/$(number "$path")" "$group" ${quotedRoot} >/dev/null 2>&1 || :
  done
  btrfs qgroup limit ${bytes} "$group" ${quotedRoot} >/dev/null
}
}`;
}
