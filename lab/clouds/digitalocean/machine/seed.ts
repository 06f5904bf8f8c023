/** What a droplet's disk has before its first boot: what cloud-init is fed with, and what the machine itself needs to know. */
import { stringify } from "yaml";
import type { Droplet } from "../world.ts";

/** What DigitalOcean has cloud-init do besides what the user says: root is who logs in. */
const VENDOR_DATA = "#cloud-config\ndisable_root: false\nmanage_etc_hosts: true\n";
const SEED = "var/lib/cloud/seed/nocloud";

export interface Surroundings {
  /** Names that a droplet knows, with their addresses. */
  readonly hosts: Readonly<Record<string, string>>;
  /** cloud-init's own template of /etc/hosts. */
  readonly hostsTemplate: string;
  /** What this machine has in /etc/resolv.conf. */
  readonly resolvConf: string;
}

/** Files by their path from the root. */
export function firstFiles(droplet: Droplet, surroundings: Surroundings): Record<string, string> {
  const keys = droplet.keys.map(({ publicKey }) => publicKey);
  const metadata = { "instance-id": String(droplet.id), "local-hostname": droplet.name, "public-keys": keys };
  const hosts = Object.entries(surroundings.hosts).map(([name, address]) => `${address} ${name}\n`);
  return {
    [`${SEED}/meta-data`]: stringify(metadata),
    [`${SEED}/user-data`]: droplet.userData,
    [`${SEED}/vendor-data`]: VENDOR_DATA,
    "etc/cloud/templates/hosts.debian.tmpl": `${surroundings.hostsTemplate}\n${hosts.join("")}`,
    "etc/droplet/resolv.conf": resolvers(surroundings.resolvConf),
    "etc/droplet/private-address": `${droplet.address?.privateIp}\n`,
  };
}

/** A droplet can't ask a name server that listens on this machine's loopback. */
export function resolvers(resolvConf: string): string {
  const lines = resolvConf.split("\n").filter((line) => !/^\s*(#|$|nameserver\s+(127\.|::1))/.test(line));
  const known = lines.some((line) => /^\s*nameserver\s/.test(line));
  return `${[...lines, ...(known ? [] : ["nameserver 1.1.1.1"])].join("\n")}\n`;
}

/** The line for each volume from which the machine makes its devices at boot. */
export const volumeLines = (volumes: readonly { name: string; loop: number }[]): string =>
  volumes.map(({ name, loop }) => `${name} ${loop}\n`).join("");
