/** IP addresses and networks as people write them. */
import { isIPv4, isIPv6 } from "node:net";
import ipaddr from "ipaddr.js";

export type IpVersion = 4 | 6;

/** Bits of an address. */
export const WIDTH = { 4: 32, 6: 128 } as const;

/** The version of an address; undefined for anything else. By Node's own reading: ipaddr.js also takes what few mean, such as `10` or `010.0.0.1`. */
export const versionOf = (address: string): IpVersion | undefined => {
  if (isIPv4(address)) return 4;
  return isIPv6(address) && !address.includes("%") ? 6 : undefined;
};

/** The length of a prefix, of a whole address where none is written; undefined for one that no network has. */
export function prefixLength(prefix: string | undefined, version: IpVersion): number | undefined {
  const width = WIDTH[version];
  if (prefix === undefined) return width;
  return /^\d{1,3}$/.test(prefix) && Number(prefix) <= width ? Number(prefix) : undefined;
}

/** The one form in which an address is written. ipaddr.js would take `::192.0.2.1` for `::ffff:192.0.2.1`, so URL reads it. */
export const canonical = (address: string, version: IpVersion): string =>
  version === 4 ? address : new URL(`http://[${address}]`).hostname.slice(1, -1);

/** The first address of the network that an address is in. @param length of its prefix */
export const networkOf = (address: string, version: IpVersion, length: number): string =>
  version === 4
    ? ipaddr.IPv4.networkAddressFromCIDR(`${address}/${length}`).toString()
    : ipaddr.IPv6.networkAddressFromCIDR(`${address}/${length}`).toRFC5952String();
