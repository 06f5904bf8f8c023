/** Addresses from which a server may be reached. */
import { isIPv4, isIPv6 } from "node:net";
import ipaddr from "ipaddr.js";
import { show } from "../text/show.ts";
import type { ParseError } from "./reading.ts";

/** A network shorter than this is no list of places one knows, but a part of the internet. */
const SHORTEST_PREFIX = { 4: 8, 6: 16 } as const;
const WIDTH = { 4: 32, 6: 128 } as const;

/** An address or a network, as the cloud's firewall writes it: `203.0.113.7/32`, `2001:db8::/32`. */
export function parseCidr(text: string): string | ParseError {
  const [address = "", prefix, ...rest] = text.split("/");
  const version = versionOf(address);
  if (!version || rest.length > 0) return addressError(text);
  const width = WIDTH[version];
  const length = prefix === undefined ? width : /^\d{1,3}$/.test(prefix) ? Number(prefix) : Number.NaN;
  if (!(length >= 0 && length <= width))
    return { mistake: `${show(text)} is not a network: the prefix length must be 0 to ${width}` };
  if (length === 0)
    return { mistake: `${show(text)} is the whole internet: list the addresses you connect from` };
  if (length < SHORTEST_PREFIX[version])
    return { mistake: `${show(text)} is a large part of the internet: list the addresses you connect from` };
  const own = canonical(address, version);
  const network = networkOf(own, version, length);
  if (network !== own) {
    const [one, all] = [`${own}/${width}`, `${network}/${length}`];
    return {
      mistake: `${show(text)} has host bits set: use ${one} for that address, or ${all} for the network`,
      instead: one,
    };
  }
  return `${network}/${length}`;
}

/** Whether a network that `parseCidr` gave is one of IPv4. */
export const isIPv4Network = (cidr: string): boolean => !cidr.includes(":");

/** By Node's own reading: ipaddr.js also takes what few mean, such as `10` or `010.0.0.1`. */
const versionOf = (address: string): 4 | 6 | undefined => {
  if (isIPv4(address)) return 4;
  return isIPv6(address) && !address.includes("%") ? 6 : undefined;
};

function addressError(text: string): ParseError {
  const isName = /^[a-z0-9-]+(\.[a-z0-9-]+)*\.[a-z]+$/i.test(text);
  const what = isName ? "is a hostname; the firewall needs addresses" : "is not an address or a network";
  return { mistake: `${show(text)} ${what} (e.g. 203.0.113.7 or 203.0.113.0/24)` };
}

/** The one form in which an address is written. ipaddr.js would take `::192.0.2.1` for `::ffff:192.0.2.1`, so URL reads it. */
const canonical = (address: string, version: 4 | 6): string =>
  version === 4 ? address : new URL(`http://[${address}]`).hostname.slice(1, -1);

const networkOf = (address: string, version: 4 | 6, length: number): string =>
  version === 4
    ? ipaddr.IPv4.networkAddressFromCIDR(`${address}/${length}`).toString()
    : ipaddr.IPv6.networkAddressFromCIDR(`${address}/${length}`).toRFC5952String();
