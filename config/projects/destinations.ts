/** What a project's container may open connections to: the items of `network.allow`. */
import { canonical, type IpVersion, networkOf, prefixLength, versionOf, WIDTH } from "../text/addresses.ts";
import { show } from "../text/show.ts";

/** An item of `network.allow`, read. */
export type Destination =
  /** Every address that is public. */
  | { readonly kind: "internet" }
  /** A port of the host itself, at any of its addresses. */
  | { readonly kind: "host"; readonly port: number }
  /** A network in CIDR form, or one port of it. Never the host's own addresses. */
  | { readonly kind: "network"; readonly cidr: string; readonly version: IpVersion; readonly port?: number };

/** What is wrong with an item, and what to write instead. */
export interface DestinationError {
  readonly mistake: string;
  readonly fix: string;
}

/** What a project may reach where neither its entry nor `defaults` says otherwise. */
export const DEFAULT_ALLOW = ["internet"] as const;

const FORMS = "write internet, host:11434, 192.168.1.20/32:8080 or [fd00::20/128]:8080";
/** Parts of a network that nobody may name: the metadata services of clouds answer there, with the machine's credentials. */
const LINK_LOCAL = { 4: "169.254.0.0/16", 6: "fe80::/10" } as const;
const LOOPBACK = { 4: "127.0.0.0/8", 6: "::1/128" } as const;

const refuse = (mistake: string, fix: string = FORMS): DestinationError => ({ mistake, fix });

/** Reads an item of `network.allow`: `internet`, `host:<port>`, or an address or network with or without a port. IPv6 with a port is in brackets. */
export function parseDestination(text: string): Destination | DestinationError {
  if (text === "internet") return { kind: "internet" };
  const [place, port] = splitPort(text);
  if (port !== undefined && !(/^[1-9]\d{0,4}$/.test(port) && Number(port) <= 65_535))
    return refuse(`${show(text)} has no valid port: 1 to 65535`);
  const number = port === undefined ? undefined : Number(port);
  if (place === "host")
    return number === undefined
      ? refuse(`${show(text)} names no port`, "name each service of the host, such as host:11434")
      : { kind: "host", port: number };
  return readNetwork(text, place, number);
}

/** `[fd00::1]:80`, `[fd00::1]`, `10.0.0.1:80`, `10.0.0.1`, `fd00::1`. */
function splitPort(text: string): [place: string, port?: string] {
  const bracketed = /^\[([^\]]*)\](?::(.*))?$/s.exec(text);
  if (bracketed)
    return bracketed[2] === undefined ? [bracketed[1] ?? ""] : [bracketed[1] ?? "", bracketed[2]];
  const parts = text.split(":");
  return parts.length === 2 ? [parts[0] ?? "", parts[1]] : [text];
}

function readNetwork(text: string, place: string, port: number | undefined): Destination | DestinationError {
  const [address = "", prefix, ...rest] = place.split("/");
  const version = versionOf(address);
  if (!version || rest.length > 0) return notAnAddress(text, address);
  const width = WIDTH[version];
  const length = prefixLength(prefix, version);
  if (length === undefined)
    return refuse(`${show(text)} is not a network: the prefix length must be 0 to ${width}`);
  const own = canonical(address, version);
  const network = networkOf(own, version, length);
  if (network !== own)
    return refuse(
      `${show(text)} has host bits set`,
      `write ${own}/${width} for that address, or ${network}/${length} for the network`,
    );
  const cidr = `${network}/${length}`;
  if (version === 6 && overlaps(cidr, "::ffff:0:0/96", 6) && length >= 96)
    return refuse(`${show(text)} is an IPv4 address in IPv6's form`, "write it as IPv4");
  if (overlaps(cidr, LINK_LOCAL[version], version)) {
    if (length === 0)
      return refuse(`${show(text)} is every network`, "write internet, and each private network by itself");
    return refuse(
      `${show(text)} is or has link-local addresses, where clouds give out a machine's credentials`,
      "name the private addresses that are needed",
    );
  }
  if (overlaps(cidr, LOOPBACK[version], version))
    return refuse(
      `${show(text)} is the container's own loopback`,
      "write host:<port> for a service of the host",
    );
  return { kind: "network", cidr, version, ...(port === undefined ? {} : { port }) };
}

function notAnAddress(text: string, address: string): DestinationError {
  if (/^localhost$/i.test(address) || address === "host.docker.internal")
    return refuse(`${show(text)} is not an address`, "write host:<port> for a service of the host");
  if (/^[a-z0-9-]+(\.[a-z0-9-]+)*$/i.test(address) && /[a-z]/i.test(address))
    return refuse(`${show(text)} is a name: packet rules need addresses`);
  return refuse(`${show(text)} is not an address or a network`);
}

/** An item in the one form in which it is written. */
export function formatDestination(destination: Destination): string {
  if (destination.kind === "internet") return "internet";
  if (destination.kind === "host") return `host:${destination.port}`;
  const { cidr, version, port } = destination;
  if (port === undefined) return cidr;
  return version === 6 ? `[${cidr}]:${port}` : `${cidr}:${port}`;
}

/** An item's one form, by which duplicates are found; the text itself where it is no destination. */
export function foldDestination(text: string): string {
  const read = parseDestination(text);
  return "mistake" in read ? text : formatDestination(read);
}

/** Items of a checked file, each once, in one order: what they mean does not depend on it. */
export function readAllow(items: readonly string[]): Destination[] {
  const read = new Map<string, Destination>();
  for (const item of items) {
    const destination = parseDestination(item);
    if (!("mistake" in destination)) read.set(formatDestination(destination), destination);
  }
  return [...read].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, destination]) => destination);
}

/** Whether two networks share an address: whether the shorter one holds the other. */
function overlaps(a: string, b: string, version: IpVersion): boolean {
  const length = Math.min(...[a, b].map((cidr) => Number(cidr.split("/")[1])));
  const [left, right] = [a, b].map((cidr) => networkOf(cidr.split("/")[0] ?? "", version, length));
  return left === right;
}
