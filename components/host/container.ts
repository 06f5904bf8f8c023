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

/** Labels as the Docker provider wants them, in one order. */
export function labelList(labels: Readonly<Record<string, string>>): types.input.ContainerLabel[] {
  return Object.entries(labels)
    .map(([label, value]) => ({ label, value }))
    .sort((a, b) => (a.label < b.label ? -1 : 1));
}
