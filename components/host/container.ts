import type { types } from "@pulumi/docker";

/** What every container of the platform has: no way to gain rights, a log that cannot fill the disk, an init, and a restart after a crash. */
export const hardening = {
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

/** Length of the scheduler's period, in microseconds: Docker's own default. */
const CPU_PERIOD = 100_000;

/**
 * A limit of processors. Said as a share of a period, because the provider writes `cpus` back in another form than it was given (`1`
 * as `1.0`, `10` as `10.`) and then replaces the container at every update.
 */
export const cpuLimit = (cpus: number) => ({
  cpuPeriod: CPU_PERIOD,
  cpuQuota: Math.round(cpus * CPU_PERIOD),
});

/** Labels as the Docker provider wants them, in one order. */
export function labelList(labels: Readonly<Record<string, string>>): types.input.ContainerLabel[] {
  return Object.entries(labels)
    .map(([label, value]) => ({ label, value }))
    .sort((a, b) => (a.label < b.label ? -1 : 1));
}
