/** Files on a droplet's disk before its first boot: cloud-init's data, and settings of the machine. */
import { stringify } from "yaml";
import type { Droplet } from "../world.ts";

/** DigitalOcean's own additions to cloud-init: root can log in. */
const VENDOR_DATA = "#cloud-config\ndisable_root: false\nmanage_etc_hosts: true\n";
const SEED = "var/lib/cloud/seed/nocloud";

export interface Surroundings {
  /** Names with their addresses for a droplet's /etc/hosts. */
  readonly hosts: Readonly<Record<string, string>>;
  /** cloud-init's own template of /etc/hosts. */
  readonly hostsTemplate: string;
  /** This machine's /etc/resolv.conf. */
  readonly resolvConf: string;
}

/** Files by absolute path. */
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

/** Drops name servers on this machine's loopback, which a droplet can't reach. */
export function resolvers(resolvConf: string): string {
  const lines = resolvConf.split("\n").filter((line) => !/^\s*(#|$|nameserver\s+(127\.|::1))/.test(line));
  const known = lines.some((line) => /^\s*nameserver\s/.test(line));
  return `${[...lines, ...(known ? [] : ["nameserver 1.1.1.1"])].join("\n")}\n`;
}

/** One line per volume, from which the machine creates its devices at boot. */
export const volumeLines = (volumes: readonly { name: string; loop: number }[]): string =>
  volumes.map(({ name, loop }) => `${name} ${loop}\n`).join("");
