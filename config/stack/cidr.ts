/** Addresses from which a server may be reached. */
import { canonical, networkOf, prefixLength, versionOf, WIDTH } from "../text/addresses.ts";
import { show } from "../text/show.ts";
import type { ParseError } from "./reading.ts";

/** A network shorter than this is no list of places one knows, but a part of the internet. */
const SHORTEST_PREFIX = { 4: 8, 6: 16 } as const;

/** An address or a network, as the cloud's firewall writes it: `203.0.113.7/32`, `2001:db8::/32`. */
export function parseCidr(text: string): string | ParseError {
  const [address = "", prefix, ...rest] = text.split("/");
  const version = versionOf(address);
  if (!version || rest.length > 0) return addressError(text);
  const width = WIDTH[version];
  const length = prefixLength(prefix, version);
  if (length === undefined)
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

function addressError(text: string): ParseError {
  const isName = /^[a-z0-9-]+(\.[a-z0-9-]+)*\.[a-z]+$/i.test(text);
  const what = isName ? "is a hostname; the firewall needs addresses" : "is not an address or a network";
  return { mistake: `${show(text)} ${what} (e.g. 203.0.113.7 or 203.0.113.0/24)` };
}
