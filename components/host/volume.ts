/** The file system of a droplet's volume: btrfs, which can limit each project. A volume that has one keeps it. */
import { DROPLET_WORKSPACES_DIR } from "../../config/naming/names.ts";

/** Where a droplet finds a volume of DigitalOcean's, by its name. */
export const volumeDevice = (name: string) => `/dev/disk/by-id/scsi-0DO_Volume_${name}`;

/** Shell test: whether the workspaces are on btrfs. */
const IS_BTRFS = `[ "$(stat -f -c %T ${DROPLET_WORKSPACES_DIR})" = btrfs ]`;

/**
 * Shell function of the droplet's setup: makes a file system on a device on which there is nothing at all, neither a file system nor partitions. mkfs
 * looks for itself, and refuses one that is in use.
 */
export const FORMAT = `format() {
  code=0
  blkid -p "$1" > /dev/null || code=$?
  [ "$code" -eq 2 ] || return 0
  mkfs.btrfs -q "$1"
}`;

/** The kernel's request for quotas of the simple kind, which btrfs-progs can make from 6.7 on: a python3 is on every droplet, with cloud-init. */
const SIMPLE_QUOTAS = `import fcntl, os, struct
fcntl.ioctl(os.open("${DROPLET_WORKSPACES_DIR}", os.O_RDONLY), 0xC0109428, struct.pack("QQ", 4, 0))`;

/**
 * Shell function of the droplet's setup: turns quotas on, once the volume is mounted. Simple ones where the kernel has them (6.7): they cost nothing, and a subvolume that an agent
 * makes in its workspace counts like everything else there. A kernel without them can't mount the volume any more. `doctor` says where there are none.
 */
export const ENABLE_QUOTAS = `quotas() {
  ${IS_BTRFS} || return 0
  btrfs qgroup show ${DROPLET_WORKSPACES_DIR} > /dev/null 2>&1 && return 0
  [ -e /sys/fs/btrfs/features/simple_quota ] && python3 -c '${SIMPLE_QUOTAS}' || btrfs quota enable ${DROPLET_WORKSPACES_DIR} || :
}`;

/** Lets the file system fill a volume that has grown; does nothing to one that fills it already. */
export const growScript = (volume: string): string =>
  `if ${IS_BTRFS}; then btrfs filesystem resize max ${DROPLET_WORKSPACES_DIR} > /dev/null; else resize2fs ${volumeDevice(volume)}; fi`;
