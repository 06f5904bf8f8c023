/** The droplets' network on this machine, and the firewalls on it. */
import { createHash } from "node:crypto";
import { exec, mustExec } from "../../../../toolchain/lib/exec.ts";
import type { Address } from "../machines.ts";
import type { Droplet, Firewall } from "../world.ts";
import type { MachineNames } from "./names.ts";
import { filterRules } from "./rules.ts";
import { docker, tryDocker } from "./shell.ts";

/**
 * Benchmarking addresses (RFC 2544): unused, so they can stand in for public ones. The product knows them
 * too: isTestAddress.
 */
export const POOL = "198.18";
const NETMASK = "255.255.255.0";
const TRIES = 32;
/** Address of the metadata service. */
const METADATA = "169.254.169.254";

export class Network {
  readonly gateway: string;
  readonly #names: MachineNames;
  readonly #prefix: string;
  readonly #metadataPort: number;
  readonly #taken = new Set<string>();
  #enforcing: Promise<unknown> = Promise.resolve();

  private constructor(names: MachineNames, prefix: string, metadataPort: number) {
    this.#names = names;
    this.#prefix = prefix;
    this.#metadataPort = metadataPort;
    this.gateway = `${prefix}.1`;
  }

  /** Creates the network with an unused range of addresses. */
  static async make(names: MachineNames, metadataPort: number): Promise<Network> {
    const first = createHash("sha256").update(names.network).digest().readUInt8();
    for (let offset = 0; offset < TRIES; offset++) {
      const prefix = `${POOL}.${(first + offset) % 256}`;
      const network = new Network(names, prefix, metadataPort);
      if (await network.#create()) {
        await network.#lead();
        return network;
      }
    }
    throw new Error("no range of addresses is free for the droplets' network");
  }

  async #create(): Promise<boolean> {
    const { network, label, bridge } = this.#names;
    const range = ["--subnet", `${this.#prefix}.0/24`, "--gateway", this.gateway];
    const option = `com.docker.network.bridge.name=${bridge}`;
    const args = ["network", "create", "--label", label, ...range, "--opt", option, network];
    const { code, stderr } = await tryDocker(...args);
    if (code !== 0 && !/overlaps/.test(stderr)) throw new Error(`docker network create: ${stderr.trim()}`);
    return code === 0;
  }

  /** Routes the droplets' traffic through the firewalls' chains, and the metadata address to this process. */
  async #lead(): Promise<void> {
    await this.enforce([], []);
    for (const rule of jumps(this.#names)) await iptables("filter", "-I", ...rule);
    await iptables("nat", "-I", ...metadataRule(this.#names, this.#metadataPort));
  }

  /** An address that no droplet has. */
  place(): Address {
    for (let last = 10; last < 250; last++) {
      const ip = `${this.#prefix}.${last}`;
      if (this.#taken.has(ip)) continue;
      this.#taken.add(ip);
      return { ip, gateway: this.gateway, netmask: NETMASK };
    }
    throw new Error("no address is left for another droplet");
  }

  release(ip: string | undefined): void {
    if (ip) this.#taken.delete(ip);
  }

  /** Applies these firewalls atomically; calls are serialized. */
  enforce(firewalls: readonly Firewall[], droplets: readonly Droplet[]): Promise<void> {
    const input = filterRules(
      { names: this.#names, gateway: this.gateway, metadataPort: this.#metadataPort },
      firewalls,
      droplets,
    );
    const restore = () => mustExec("iptables-restore", ["--wait", "10", "--noflush"], { input });
    const enforced = this.#enforcing.then(restore, restore);
    this.#enforcing = enforced;
    return enforced.then(() => {});
  }
}

type Rules = readonly (readonly string[])[];

const jumps = ({ bridge, inbound, outbound }: MachineNames): Rules => [
  ["OUTPUT", "-o", bridge, "-j", inbound],
  ["DOCKER-USER", "-o", bridge, "-j", inbound],
  ["INPUT", "-i", bridge, "-j", outbound],
  ["DOCKER-USER", "-i", bridge, "-j", outbound],
];

const metadataRule = ({ bridge }: MachineNames, port: number): string[] =>
  ["PREROUTING", "-i", bridge, "-d", METADATA, "-p", "tcp", "--dport", "80", "-j", "REDIRECT"].concat(
    "--to-ports",
    String(port),
  );

const iptables = (table: string, ...args: string[]): Promise<string> =>
  mustExec("iptables", ["--wait", "10", "--table", table, ...args]);

/** Removes the network with its rules, including leftovers of a killed run. */
export async function removeNetwork(names: MachineNames): Promise<void> {
  for (const table of ["filter", "nat"]) {
    const rules = await iptables(table, "--list-rules");
    for (const rule of rules.split("\n")) {
      const words = rule.split(" ");
      const leads = words.includes(names.inbound) || words.includes(names.outbound);
      const asks = words.includes(names.bridge) && words.includes(`${METADATA}/32`);
      if (words[0] === "-A" && (asks || (leads && words.includes(names.bridge))))
        await iptables(table, "-D", ...words.slice(1));
    }
  }
  for (const chain of [names.inbound, names.outbound]) {
    await exec("iptables", ["--wait", "10", "--flush", chain]);
    await exec("iptables", ["--wait", "10", "--delete-chain", chain]);
  }
  const { stdout } = await tryDocker("network", "ls", "-q", "--filter", `label=${names.label}`);
  for (const id of stdout.split("\n").filter(Boolean)) await docker("network", "rm", id);
}
