import { copyFileSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DROPLET_IMAGE } from "../../config/naming/names.ts";
import { DEBIAN } from "../../config/versions.ts";
import { mustExec } from "../../toolchain/lib/exec.ts";
import { findImage } from "../../toolchain/lib/image.ts";
import type { Context, Part } from "../../toolchain/part.ts";
import { makeDebianRoot, removePackageCache } from "./lib/debian-root.ts";
import { makeImage } from "./lib/image.ts";

/** What DigitalOcean's Debian has and a minimal one lacks, where it works in a container. */
const INSTALLED = [
  "systemd-sysv dbus libpam-systemd cloud-init openssh-server openssh-client sudo cron logrotate locales",
  "iproute2 iptables iputils-ping netbase procps kmod e2fsprogs fdisk apparmor",
  "less vim-tiny curl wget gnupg lsb-release perl xz-utils git",
].flatMap((line) => line.split(" "));

/**
 * What user data commonly installs. The archives are in the image, so a boot downloads nothing; apt installs
 * them as usual.
 */
const DOWNLOADED = ["btrfs-progs", "docker.io", "nftables", "fail2ban", "unattended-upgrades", "jq"];

/** Files of the image that turn a container into a machine. */
const FILES = join(import.meta.dirname, "droplet");

/** The disk of a stand-in droplet with Debian. Only the production tests need it. */
export const dropletImagePart: Part = {
  name: `image ${DROPLET_IMAGE}`,
  remedy: "run the production tests as root on Debian",
  find: (context) => findImage(DROPLET_IMAGE, context),
};

export async function buildDropletImage(context: Context): Promise<string> {
  const way = await makeImage(
    {
      image: DROPLET_IMAGE,
      archive: `${DROPLET_IMAGE.replace(":", "-")}.tar`,
      version: "2",
      origin: "debootstrap",
      changes: ['ENTRYPOINT ["/usr/local/sbin/droplet-boot"]'],
      fill,
    },
    context,
  );
  return way || "made with debootstrap and apt";
}

async function fill(root: string, context: Context): Promise<void> {
  const { name: image, remedy } = dropletImagePart;
  await makeDebianRoot(root, { image, remedy, release: DEBIAN, progress: context.progress });
  copyFileSync("/etc/resolv.conf", join(root, "etc/resolv.conf"));
  // The image is temporary, so dpkg need not sync each file.
  writeFileSync(join(root, "etc/dpkg/dpkg.cfg.d/unsafe-io"), "force-unsafe-io\n");
  writeFileSync(join(root, "etc/apt/apt.conf.d/90languages"), 'Acquire::Languages "none";\n');
  const noStart = join(root, "usr/sbin/policy-rc.d");
  writeFileSync(noStart, "#!/bin/sh\nexit 101\n", { mode: 0o755 });
  context.progress("installing a droplet's packages");
  await apt(root, "update");
  await apt(root, "dist-upgrade");
  await apt(root, "install", "--no-install-recommends", ...INSTALLED);
  await generateLocale(root);
  removePackageCache(root);
  context.progress("downloading the packages that user data installs");
  await apt(root, "update");
  await apt(root, "install", "--download-only", ...DOWNLOADED);
  rmSync(noStart);
  await configureSystem(root);
}

function apt(root: string, ...args: string[]): Promise<string> {
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  return mustExec("chroot", [root, "apt-get", "-y", "-qq", ...args], { env, timeoutMs: 900_000 });
}

/** cloud-init's default locale. */
async function generateLocale(root: string): Promise<void> {
  const list = join(root, "etc/locale.gen");
  writeFileSync(list, readFileSync(list, "utf8").replace(/^# (en_US\.UTF-8)/m, "$1"));
  await mustExec("chroot", [root, "locale-gen"]);
}

/** Removes what must be unique per machine, and adds what turns a container into a machine. */
async function configureSystem(root: string): Promise<void> {
  const own = ["etc/hostname", "var/lib/dbus/machine-id", ...hostKeys(root)];
  for (const file of own) rmSync(join(root, file), { force: true });
  writeFileSync(join(root, "etc/machine-id"), "");
  const copies = [
    ["droplet-boot", "usr/local/sbin/droplet-boot", 0o755],
    ["droplet-fstab.service", "etc/systemd/system/droplet-fstab.service", 0o644],
    ["cloud.cfg", "etc/cloud/cloud.cfg.d/90_droplet.cfg", 0o644],
  ] as const;
  for (const [from, to, mode] of copies)
    writeFileSync(join(root, to), readFileSync(join(FILES, from)), { mode });
  await mustExec("chroot", [root, "systemctl", "enable", "droplet-fstab.service"]);
  await mustExec("chroot", [root, "systemctl", "mask", ...HARDWARE_UNITS]);
}

const hostKeys = (root: string): string[] =>
  readdirSync(join(root, "etc/ssh")).flatMap((name) =>
    name.startsWith("ssh_host_") ? [`etc/ssh/${name}`] : [],
  );

/** Units that need a machine's hardware. */
const HARDWARE_UNITS = [
  "systemd-udevd.service",
  "systemd-udevd-control.socket",
  "systemd-udevd-kernel.socket",
  "systemd-udev-trigger.service",
  "sys-kernel-debug.mount",
  "sys-kernel-tracing.mount",
  "dev-hugepages.mount",
  "dev-mqueue.mount",
];
