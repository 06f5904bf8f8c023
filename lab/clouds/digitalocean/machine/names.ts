import { createHash } from "node:crypto";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** What one stand-in's things on this machine are called. They follow from its name alone, so that a later run finds what a killed one left. */
export interface MachineNames {
  /** Label of everything that Docker keeps for it. */
  readonly label: string;
  readonly network: string;
  readonly bridge: string;
  readonly template: string;
  /** Folder of its volumes' and snapshots' disks. */
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
