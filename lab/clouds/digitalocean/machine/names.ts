import { createHash } from "node:crypto";
import { tmpdir } from "node:os";
import { join } from "node:path";

/**
 * Names of a stand-in's resources on this machine. Derived from its name only, so that a later run finds
 * leftovers.
 */
export interface MachineNames {
  /** Label of everything in Docker. */
  readonly label: string;
  readonly network: string;
  readonly bridge: string;
  readonly template: string;
  /** Directory of the volumes' and snapshots' disks. */
  readonly folder: string;
  /** Chains of the packet filter. */
  readonly inbound: string;
  readonly outbound: string;
  container(dropletId: number): string;
  /** The Docker volume with a droplet's /var/lib/docker. */
  data(dropletId: number): string;
}

export function machineNames(name: string): MachineNames {
  const short = createHash("sha256").update(name).digest("hex").slice(0, 8);
  return {
    label: `standin.digitalocean=${name}`,
    network: `${name}-droplets`,
    bridge: `sdo-${short}`,
    template: `${name}-images`,
    folder: join(tmpdir(), `standin-digitalocean-${name}`),
    inbound: `SDO-${short}-IN`,
    outbound: `SDO-${short}-OUT`,
    container: (dropletId) => `${name}-droplet-${dropletId}`,
    data: (dropletId) => `${name}-droplet-${dropletId}-docker`,
  };
}
