/** The API's effects: machines, disks and network rules. */
import type { Droplet, Firewall, Snapshot, Volume } from "./world.ts";

/** A droplet's address on its network. */
export interface Address {
  ip: string;
  gateway: string;
  netmask: string;
}

export interface Machines {
  /** Chooses a droplet's address: its firewall is applied before it is created. */
  place(droplet: Droplet): Promise<Address>;
  /** Creates and starts a droplet's machine; resolves once it runs, long before it has booted. */
  create(droplet: Droplet, volumes: readonly Volume[]): Promise<void>;
  powerOn(droplet: Droplet, volumes: readonly Volume[]): Promise<void>;
  powerOff(droplet: Droplet): Promise<void>;
  /** Shuts it down gracefully, then by force. */
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

  /** Applies exactly these firewalls. */
  enforce(firewalls: readonly Firewall[], droplets: readonly Droplet[]): Promise<void>;
}
