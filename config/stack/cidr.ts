/** Addresses from which a server may be reached. */
import { isIPv4, isIPv6 } from "node:net";
import { show } from "../text/show.ts";
import type { Mistake } from "./reading.ts";

/** A network shorter than this is no list of places one knows, but a part of the internet. */
const SHORTEST = { 4: 8, 6: 16 } as const;
const WIDTH = { 4: 32, 6: 128 } as const;
type Version = 4 | 6;

/** An address or a network, as the cloud's firewall writes it: `203.0.113.7/32`, `2001:db8::/32`. */
export function readCidr(text: string): string | Mistake {
  const [address = "", prefix, ...rest] = text.split("/");
  const version = versionOf(address);
  if (!version || rest.length > 0) return notAnAddress(text);
  const width = WIDTH[version];
  const length = prefix === undefined ? width : /^\d{1,3}$/.test(prefix) ? Number(prefix) : Number.NaN;
  if (!(length >= 0 && length <= width))
    return { mistake: `${show(text)} is not a network: after the / stands a number from 0 to ${width}` };
  const bits = toBits(address, version);
  const host = BigInt(width - length);
  const network = (bits >> host) << host;
  if (length === 0)
    return { mistake: `${show(text)} is everybody on the internet: name the addresses you come from` };
  if (length < SHORTEST[version])
    return { mistake: `${show(text)} is a large part of the internet: name the addresses you come from` };
  if (network !== bits) {
    const [one, all] = [`${fromBits(bits, version)}/${width}`, `${fromBits(network, version)}/${length}`];
    return {
      mistake: `${show(text)} is an address within a network: write ${one} for it alone, or ${all}`,
      instead: one,
    };
  }
  return `${fromBits(network, version)}/${length}`;
}

/** Whether a network that `readCidr` gave is one of IPv4. */
export const isIPv4Network = (cidr: string): boolean => !cidr.includes(":");

const versionOf = (address: string): Version | undefined => {
  if (isIPv4(address)) return 4;
  return isIPv6(address) && !address.includes("%") ? 6 : undefined;
};

function notAnAddress(text: string): Mistake {
  const isName = /^[a-z0-9-]+(\.[a-z0-9-]+)*\.[a-z]+$/i.test(text);
  const what = isName ? "is a name, and the firewall takes addresses" : "is not an address or a network";
  return { mistake: `${show(text)} ${what} (e.g. 203.0.113.7 or 203.0.113.0/24)` };
}

function toBits(address: string, version: Version): bigint {
  if (version === 4) return join(address.split(".").map(Number), 8n);
  const [head = "", tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split("::");
  const groups = (part: string) =>
    part === "" ? [] : part.split(":").map((group) => Number.parseInt(group, 16));
  const [before, after] = [groups(head), groups(tail ?? "")];
  const zeros: number[] = Array(8 - before.length - after.length).fill(0);
  return join([...before, ...zeros, ...after], 16n);
}

const join = (parts: readonly number[], width: bigint): bigint =>
  parts.reduce((bits, part) => (bits << width) | BigInt(part), 0n);

function fromBits(bits: bigint, version: Version): string {
  if (version === 4) return [24n, 16n, 8n, 0n].map((shift) => (bits >> shift) & 255n).join(".");
  const groups = Array.from({ length: 8 }, (_, index) =>
    ((bits >> BigInt(112 - 16 * index)) & 0xffffn).toString(16),
  );
  return new URL(`http://[${groups.join(":")}]`).hostname.slice(1, -1);
}
