import type { types } from "@pulumi/docker";

/** What every container of the platform has: no way to gain rights, a log that cannot fill the disk, an init, and a restart after a crash. */
export const hardenedOptions = {
  capabilities: { drops: ["ALL"] },
  securityOpts: ["no-new-privileges"],
  // Keeps at most 30 MB a container.
  logDriver: "json-file",
  logOpts: { "max-size": "10m", "max-file": "3" },
  restart: "unless-stopped",
  init: true,
  // Without it the provider kills at once when it removes a container. Seconds.
  destroyGraceSeconds: 10,
};

/**
 * `/tmp`: the one place beside its workspace and home where a project writes. Not `readOnly` for the rest, since Docker puts no file into a
 * container whose root is read-only (moby/moby: "container rootfs is marked read-only", and the provider puts all its uploads to `/`); instead,
 * nothing else in the image is writable for the container's user. Half of the default memory limit, to which it is charged; programs are run from
 * it, opencode's own libraries among them.
 */
export const TMPFS = "rw,exec,nosuid,nodev,size=1g,mode=1777";

/** Labels as the Docker provider wants them, in one order. */
export function labelList(labels: Readonly<Record<string, string>>): types.input.ContainerLabel[] {
  return Object.entries(labels)
    .map(([label, value]) => ({ label, value }))
    .sort((a, b) => (a.label < b.label ? -1 : 1));
}
