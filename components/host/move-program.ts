/** The program on a droplet that turns a volume's ext4 into btrfs, for whoever wants its projects' disks limited: docs/sleep.md. */
import { DROPLET_WORKSPACES_DIR } from "../../config/naming/names.ts";
import { UNITS } from "./droplet-paths.ts";
import { ENABLE_QUOTAS } from "./volume.ts";

/**
 * In place, by btrfs-convert. Then each directory of a project is copied into a subvolume, after quotas are on: what was there before would not count. That
 * takes room for the largest of them twice, which is looked at before anything is stopped. It can end at any point, by a kill or a full volume: nothing is
 * deleted before its copy is in place, no container starts, and the next run goes on from there, by what is in `.move-to-btrfs` on the volume.
 */
export const MOVE_PROGRAM = `#!/bin/sh
# move-to-btrfs: stops all projects, changes the volume's file system from ext4 to btrfs, and starts them again.
set -eu
root=${DROPLET_WORKSPACES_DIR}
state="$root/.move-to-btrfs"
fail() { echo "$1 Nothing has been changed." >&2; exit 1; }
# A run that was interrupted has left it so.
findmnt "$root" > /dev/null || systemctl start workspaces.mount
device=$(findmnt -no SOURCE "$root")
type=$(findmnt -no FSTYPE "$root")
[ "$type" = ext4 ] || [ -e "$state/directories" ] || fail "The volume is not ext4."
command -v btrfs-convert > /dev/null || DEBIAN_FRONTEND=noninteractive apt-get install -y -q btrfs-progs > /dev/null
each() { find "$root" "$root/.data" "$root/.services" -mindepth 1 -maxdepth 1 -type d ! -name '.*' ! -name lost+found 2> /dev/null || :; }
if [ "$type" = ext4 ]; then
  largest=$(each | while read -r path; do du -sk "$path"; done | sort -n | awk 'END { printf "%.0f", $1 }')
  free=$(df -Pk "$root" | awk 'NR == 2 { print $4 }')
  [ "$free" -gt $((largest + largest / 10 + 524288)) ] || fail "It takes $((largest / 1024)) MiB of free room for a copy of the largest directory, and 512 MiB more."
fi
${ENABLE_QUOTAS}

mkdir -p "$state"
# None where an interrupted run has stopped Docker: what it noted then is there.
docker ps --quiet >> "$state/containers" 2> /dev/null || :
containers=$(sort -u "$state/containers")
[ "$type" != ext4 ] || each > "$state/directories"
start() {
  systemctl start workspaces.mount && systemctl start docker.service opencode-space.timer || return
  [ -z "$containers" ] || docker start $containers > /dev/null || echo "Not every container that ran before could be started." >&2
  rm -r "$state"
}
ended() {
  code=$?
  trap '' HUP INT TERM
  if [ "$(blkid -p -o value -s TYPE "$device")" = ext4 ]; then start; else
    echo "The move is not finished, and the projects stay stopped. Run it again, on a volume that is full once that has grown: it goes on from here." >&2
  fi
  exit "$code"
}
trap ended EXIT
trap 'exit 1' HUP INT TERM
for container in $(docker ps --quiet --filter status=paused 2> /dev/null || :); do docker unpause "$container" > /dev/null; done
running=$(docker ps --quiet 2> /dev/null || :)
[ -z "$running" ] || docker stop --time 10 $running > /dev/null
systemctl stop opencode-space.timer docker.socket docker.service
if [ "$type" = ext4 ]; then
  # Without a type either file system is mounted, wherever this ends.
  sed -i '/^Type=ext4$/d' ${UNITS}/workspaces.mount
  systemctl daemon-reload
  systemctl stop workspaces.mount
  e2fsck -fp "$device" || [ "$?" -eq 1 ]
  btrfs-convert "$device"
  systemctl start workspaces.mount
fi
quotas
# What the conversion keeps to go back by holds on to all of the room, until it is gone.
[ ! -e "$root/ext2_saved" ] || btrfs subvolume delete --commit-after "$root/ext2_saved"
btrfs subvolume sync "$root" > /dev/null

# move <directory>: puts a subvolume with the same content in its place. The copy is whole once the directory has its other name.
move() {
  [ -e "$1" ] || [ -e "$1.before" ] || return 0
  if [ ! -e "$1.before" ]; then
    # The root of every subvolume has this number.
    [ "$(stat -c %i "$1")" != 256 ] || return 0
    [ ! -e "$1.new" ] || btrfs subvolume delete "$1.new" > /dev/null
    btrfs subvolume create "$1.new" > /dev/null
    cp -a --reflink=never "$1/." "$1.new/"
    btrfs filesystem sync "$root"
    mv "$1" "$1.before"
  fi
  if [ -e "$1.new" ]; then
    # Docker makes an empty one for a container that was started meanwhile.
    [ ! -e "$1" ] || rmdir "$1"
    mv "$1.new" "$1"
  fi
  rm -rf "$1.before"
}
while read -r path; do move "$path"; done < "$state/directories"
trap - EXIT
start
echo "The volume is btrfs. The next up --refresh puts the limits in force."
`;
