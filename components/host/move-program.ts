/** The program on a droplet that turns a volume's ext4 into btrfs, for whoever wants its projects' disks limited: docs/sleep.md. */
import { DROPLET_WORKSPACES_DIR } from "../../config/naming/names.ts";
import { ENABLE_QUOTAS } from "./volume.ts";

/**
 * In place, by btrfs-convert. Then each directory of a project is copied into a subvolume, after quotas are on: what was there before would not count. That
 * takes room for the largest of them twice, which is looked at before anything is stopped.
 */
export const MOVE_PROGRAM = `#!/bin/sh
# move-to-btrfs: stops all projects, changes the volume's file system from ext4 to btrfs, and starts them again.
set -eu
root=${DROPLET_WORKSPACES_DIR}
fail() { echo "$1 Nothing has been changed." >&2; exit 1; }
[ "$(findmnt -no FSTYPE "$root")" = ext4 ] || fail "The volume is not ext4."
device=$(findmnt -no SOURCE "$root")
command -v btrfs-convert > /dev/null || DEBIAN_FRONTEND=noninteractive apt-get install -y -q btrfs-progs > /dev/null
each() { find "$root" "$root/.data" "$root/.services" -mindepth 1 -maxdepth 1 -type d ! -name '.*' ! -name lost+found 2> /dev/null; }
largest=$(each | while read -r path; do du -sk "$path"; done | sort -n | awk 'END { printf "%.0f", $1 }')
free=$(df -Pk "$root" | awk 'NR == 2 { print $4 }')
[ "$free" -gt $((largest + largest / 10 + 524288)) ] || fail "It takes $((largest / 1024)) MiB of free room for a copy of the largest directory, and 512 MiB more."
${ENABLE_QUOTAS}

containers=$(docker ps --quiet)
for container in $(docker ps --quiet --filter status=paused); do docker unpause "$container" > /dev/null; done
[ -z "$containers" ] || docker stop --time 10 $containers > /dev/null
systemctl stop opencode-space.timer docker.socket docker.service
systemctl stop workspaces.mount
again() {
  systemctl start workspaces.mount
  systemctl start docker.service opencode-space.timer
  [ -z "$containers" ] || docker start $containers > /dev/null
}
trap again EXIT
e2fsck -fp "$device" || [ "$?" -eq 1 ]
btrfs-convert "$device"
sed -i '/^Type=ext4$/d' /etc/systemd/system/workspaces.mount
systemctl daemon-reload
systemctl start workspaces.mount
quotas
# What the conversion keeps to go back by holds on to all of the room.
btrfs subvolume delete --commit-after "$root/ext2_saved"
each | while read -r old; do
  btrfs subvolume create "$old.new" > /dev/null
  cp -a --reflink=never "$old/." "$old.new/"
  rm -rf "$old"
  mv "$old.new" "$old"
done
echo "The volume is btrfs. The next up --refresh puts the limits in force."
`;
