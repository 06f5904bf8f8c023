/**
 * What a droplet has beside its containers, as a script that an update runs on it: no part of the user data, which a running droplet does not take. Swap
 * and zswap for sleeping projects, the look at how full each project's disk is, and the unit that restarts the platform.
 */
import type { Names } from "../../config/naming/names.ts";
import { LIB, UNITS } from "./droplet-paths.ts";
import { MOVE_PROGRAM } from "./move-program.ts";
import { putFile } from "./put-file.ts";
import { restartProgram } from "./restart-program.ts";
import { SPACE_PROGRAM } from "./space-program.ts";

/** What swapping out is for here: the memory of sleepers, most of which is not asked for again for hours. */
const ZSWAP_PROGRAM = `#!/bin/sh
# What is swapped out is compressed in memory first, up to a tenth of it; what nobody has asked for goes on to the disk.
cd /sys/module/zswap/parameters || exit 0
set_to() { [ ! -e "$1" ] || echo "$2" > "$1" 2> /dev/null || :; }
set_to zpool zsmalloc
set_to compressor zstd
set_to max_pool_percent 10
set_to shrinker_enabled Y
set_to enabled Y
`;

const ZSWAP_UNIT = `[Unit]
Description=Compress in memory what is swapped out
# A container has its host's kernel.
ConditionVirtualization=!container
ConditionPathExists=/sys/module/zswap/parameters/enabled

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=${LIB}/zswap

[Install]
WantedBy=multi-user.target
`;

/** It ends with the mount, and never starts it: the volume may be on its way to another droplet. */
const SPACE_UNIT = `[Unit]
Description=Look at how full each project's disk is
Requisite=workspaces.mount
After=workspaces.mount

[Service]
Type=oneshot
Nice=10
ExecStart=${LIB}/space
`;

const SPACE_TIMER = `[Unit]
Description=Each minute, look at how full each project's disk is

[Timer]
OnActiveSec=1s
OnUnitActiveSec=1min
AccuracySec=10s

[Install]
WantedBy=timers.target
`;

/** Restarting it restarts the containers; its start at boot, and its end, leave them to Docker. */
const PLATFORM_UNIT = `[Unit]
Description=The opencode platform's containers
# No more than that: what restarts Docker would restart this, and with it the containers that Docker keeps.
After=docker.service
Wants=docker.service

[Service]
Type=notify
NotifyAccess=all
TimeoutStartSec=infinity
ExecStart=${LIB}/platform

[Install]
WantedBy=multi-user.target
`;

/** Else an upgrade of a library restarts the containers, by the unit that waits in a shell. */
const NEEDRESTART = `$nrconf{override_rc}{qr(^opencode-platform\\.service$)} = 0;
`;

/**
 * Adds what is missing of the swap that is wanted, in a file of its own beside those that are there. Nothing is taken away from a running droplet, on which there may not be the
 * memory for what is swapped out. A quarter of the disk stays free. What can't be had is said, and ends no update: without swap, projects sleep with their memory.
 */
const SWAP_PROGRAM = `#!/bin/sh
# swap <GiB>
set -eu
! systemd-detect-virt --container --quiet || exit 0
have=$(awk 'NR > 1 { all += $3 } END { printf "%.0f", all / 1024 }' /proc/swaps)
missing=$(($1 * 1024 - have))
# mkswap takes a page of each.
[ "$missing" -ge 64 ] || exit 0
room=$(df -Pm / | awk 'NR == 2 { room = $4 - $2 / 4; printf "%.0f", (room > 0 ? room : 0) }')
if [ "$missing" -gt "$room" ]; then
  echo "The droplet's disk has room for $room of the $missing MiB of swap that are missing (swapSize)." >&2
  missing=$room
fi
[ "$missing" -ge 64 ] || exit 0
index=1
while [ -e "/swapfile-$index" ]; do index=$((index + 1)); done
file="/swapfile-$index"
trap 'rm -f "$file"' EXIT
make() { (umask 077; fallocate -l "\${missing}M" "$file") && mkswap "$file" > /dev/null && swapon "$file"; }
if ! make; then
  echo "The droplet could not be given $missing MiB of swap more (swapSize). Once it can, run there: $0 $1" >&2
  exit 0
fi
trap - EXIT
printf '%s none swap sw,nofail 0 0\\n' "$file" >> /etc/fstab
`;

export interface UpkeepArgs {
  names: Names;
  /** GiB of swap. */
  swapSize: number;
}

/** A script for a droplet: brings all of that, and changes nothing that is as it should be. */
export function upkeepScript({ names, swapSize }: UpkeepArgs): string {
  const platform = restartProgram(names);
  const programs = {
    zswap: ZSWAP_PROGRAM,
    space: SPACE_PROGRAM,
    swap: SWAP_PROGRAM,
    "move-to-btrfs": MOVE_PROGRAM,
    platform,
  };
  const units = {
    "opencode-zswap.service": ZSWAP_UNIT,
    "opencode-space.service": SPACE_UNIT,
    "opencode-space.timer": SPACE_TIMER,
    "opencode-platform.service": PLATFORM_UNIT,
  };
  return [
    "set -e",
    `mkdir -p ${LIB}`,
    ...Object.entries(programs).map(([name, text]) => putFile(`${LIB}/${name}`, text, "0755")),
    ...Object.entries(units).map(([name, text]) => putFile(`${UNITS}/${name}`, text, "0644")),
    `[ ! -d /etc/needrestart/conf.d ] || { ${putFile("/etc/needrestart/conf.d/opencode-platform.conf", NEEDRESTART, "0644")}; }`,
    "systemctl daemon-reload",
    "systemctl enable --quiet opencode-zswap.service opencode-space.timer opencode-platform.service",
    "systemctl restart opencode-zswap.service opencode-space.timer",
    // So that this start is one that restarts nothing.
    "rm -f /run/opencode-platform.started",
    "systemctl restart opencode-platform.service",
    `${LIB}/swap ${swapSize} 1>&2`,
  ].join("\n");
}
