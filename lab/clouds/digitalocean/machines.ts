/** What the API needs done in the world: machines, disks and rules of the network. */
import type { Droplet, Firewall, Snapshot, Volume } from "./world.ts";

/** A droplet's address on its network. */
export interface Address {
  ip: string;
  gateway: string;
  netmask: string;
}

export interface Machines {
  /** Says which address a droplet will have: its firewall is there before it is. */
  place(droplet: Droplet): Promise<Address>;
  /** Makes a droplet's machine and starts it; answers when it runs, long before it has booted. */
  create(droplet: Droplet, volumes: readonly Volume[]): Promise<void>;
  powerOn(droplet: Droplet, volumes: readonly Volume[]): Promise<void>;
  powerOff(droplet: Droplet): Promise<void>;
  /** Asks it to end in order; what doesn't is cut off. */
  shutdown(droplet: Droplet): Promise<void>;
  /** Removes the machine with its disk. */
  destroy(dropletId: number): Promise<void>;

  makeVolume(volume: Volume, from?: Snapshot): Promise<void>;
  growVolume(volume: Volume): Promise<void>;
  removeVolume(volume: Volume): Promise<void>;
  attach(volume: Volume, droplet: Droplet): Promise<void>;
  detach(volume: Volume, dropletId: number): Promise<void>;
  makeSnapshot(volume: Volume, snapshot: Snapshot): Promise<void>;
  removeSnapshot(snapshot: Snapshot): Promise<void>;

  /** Has these firewalls in force, and no others. */
  enforce(firewalls: readonly Firewall[], droplets: readonly Droplet[]): Promise<void>;
}
