/** The packet rules of a host, for `nft`: what projects' containers may open connections to. Pure text; guard.ts puts it in force. */
import { BRIDGE_PREFIX, type Names } from "../../config/naming/names.ts";
import type { Destination } from "../../config/projects/destinations.ts";
import type { Project } from "../../config/projects/project.ts";
import type { ProxyEndpoint } from "../../config/stack/company/proxy.ts";

/** The image's program that puts the rules in force, and says whether they are. */
export const GUARD_PROGRAM = "/usr/local/lib/opencode-platform/guard";

/**
 * Addresses that are not of the internet: private, link-local, shared, reserved and multicast ones, of IANA's special-purpose registries
 * (iana.org/assignments/iana-ipv4-special-registry, …/iana-ipv6-special-registry). Blocks for documentation are left out: nobody routes them.
 */
const SPECIAL = {
  4: [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "224.0.0.0/3",
  ],
  // Also IPv4's private ones in the forms of NAT64 (RFC 6052) and 6to4, and Teredo's.
  6: [
    "::/96",
    "::ffff:0:0/96",
    "64:ff9b::a00:0/104",
    "64:ff9b::6440:0/106",
    "64:ff9b::a9fe:0/112",
    "64:ff9b::ac10:0/108",
    "64:ff9b::c0a8:0/112",
    "64:ff9b:1::/48",
    "100::/64",
    "2001::/32",
    "2002::/16",
    "fc00::/7",
    "fe80::/10",
    "fec0::/10",
    "ff00::/8",
  ],
} as const;

/** TCP and UDP, and below ICMP of both versions, by number: a minimal image has no list of their names. */
const PORT = "meta l4proto { 6, 17 } th dport";
/** Answered rather than dropped, so that nobody waits. */
const REFUSE = "reject with icmpx admin-prohibited";
/** After connection tracking, so that replies are known, and before Docker's DNAT, so that a destination is what the container wrote. */
const HOOK = "type filter hook prerouting priority mangle; policy accept;";
/** Without these a network with IPv6 does not work at all. */
const NEIGHBOURS = "icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-solicit } accept";
/** Replies pass, to connections that the host has opened (Traefik's), and errors about them. */
const REPLIES = ["ct direction reply accept", "ct state related meta l4proto { 1, 58 } accept"];

/** What the renderer needs of an entry. */
export type GuardedProject = Pick<Project, "name" | "network" | "services">;

/**
 * The table of one stack, replaced as a whole. A network of the stack that no entry has a rule for reaches nothing, the internet included: what
 * is missing is closed. `proxies` are the company's way to the internet. `guard` (in the image) adds the nameservers that Docker's DNS asks on the containers' behalf, to `dns4` and `dns6`.
 */
export function packetRules(
  names: Names,
  projects: readonly GuardedProject[],
  proxies: readonly ProxyEndpoint[] = [],
): string {
  const sorted = [...projects].sort((a, b) => (a.name < b.name ? -1 : 1));
  const withServices = sorted.filter(({ services }) => services?.length).map(({ name }) => name);
  const verdicts = sorted.map(({ name }) => `"${names.projectBridge(name)}" : jump ${chainOf(name)}`);
  return table(names.packetTable, [
    set("special4", "ipv4_addr", SPECIAL[4]),
    set("special6", "ipv6_addr", SPECIAL[6]),
    set("dns4", "ipv4_addr", []),
    set("dns6", "ipv6_addr", []),
    ...sorted.map(({ name, network }) => chain(chainOf(name), projectChain(network.allow, proxies))),
    ...withServices.map((name) => chain(servicesChainOf(name), servicesChain(names.servicesBridge(name)))),
    `map projects { type ifname : verdict;${verdicts.length > 0 ? ` elements = { ${verdicts.join(", ")} };` : ""} }`,
    chain("from_project", [
      ...REPLIES,
      NEIGHBOURS,
      // Before nameservers are allowed: services ask none.
      ...withServices.map((name) => `iifname "${names.servicesBridge(name)}" goto ${servicesChainOf(name)}`),
      `ip daddr @dns4 ${PORT} 53 accept`,
      `ip6 daddr @dns6 ${PORT} 53 accept`,
      "iifname vmap @projects",
      REFUSE,
    ]),
    chain("prerouting", [HOOK, `iifname "${names.bridgePrefix}*" goto from_project`]),
  ]);
}

/** No hyphens: nft reads one in a name as a range. */
const chainOf = (project: string): string => `project_${project.replaceAll("-", "_")}`;

const servicesChainOf = (project: string): string => `services_${project.replaceAll("-", "_")}`;

/**
 * Between containers on the network of a project's services, whose frames come here where the kernel hands those of bridges to packet filters
 * (bridge-nf-call-iptables); nothing else passes: what is not routed back to the very same interface is the host's, or leaves the network.
 */
const servicesChain = (bridge: string): string[] => [
  `fib daddr type { local, broadcast, anycast, multicast } ${REFUSE}`,
  `fib daddr oifname "${bridge}" accept`,
  REFUSE,
];

/** The host's own addresses are decided on first: a private network that is allowed may have one of them. */
function projectChain(allow: readonly Destination[], proxies: readonly ProxyEndpoint[]): string[] {
  const hasInternet = allow.some(({ kind }) => kind === "internet");
  const ports = allow.flatMap((each) => (each.kind === "host" ? [each.port] : []));
  return [
    ...(hasInternet ? proxies.flatMap(proxyRule) : []),
    ...(ports.length > 0 ? [`fib daddr type local ${PORT} { ${ports.join(", ")} } accept`] : []),
    "fib daddr type { local, broadcast, anycast, multicast } return",
    ...allow.flatMap((each) => (each.kind === "network" ? [networkRule(each)] : [])),
    ...(hasInternet ? ["ip daddr != @special4 accept", "ip6 daddr != @special6 accept"] : []),
  ];
}

/** Before the host's own addresses are decided on, since a proxy may have one. One with a name is left to the entry. */
const proxyRule = ({ host, port, version }: ProxyEndpoint): string[] =>
  version ? [`${version === 6 ? "ip6" : "ip"} daddr ${host} tcp dport ${port} accept`] : [];

function networkRule({ cidr, version, port }: Extract<Destination, { kind: "network" }>): string {
  const to = `${version === 6 ? "ip6" : "ip"} daddr ${cidr}`;
  return port === undefined ? `${to} accept` : `${to} ${PORT} ${port} accept`;
}

/**
 * What a droplet has in force before its Docker starts, and whatever becomes of the stack's own rules: no container reaches the metadata
 * service; none that is no project's (a build, say) opens a connection to the droplet; and projects reach nothing until `guard` says what.
 */
export const dropletRules = (names: Names): string =>
  table("opencode_host", [
    chain("from_container", [
      "ip daddr 169.254.0.0/16 drop",
      ...REPLIES,
      NEIGHBOURS,
      "ip6 daddr fe80::/10 drop",
      `iifname "${BRIDGE_PREFIX}*" return`,
      `fib daddr type local ${REFUSE}`,
    ]),
    chain("prerouting", [
      HOOK,
      'iifname "docker0" goto from_container',
      'iifname "br-*" goto from_container',
    ]),
  ]) + packetRules(names, []);

const set = (name: string, type: string, elements: readonly string[]): string =>
  `set ${name} { type ${type}; flags interval; auto-merge;${elements.length > 0 ? ` elements = { ${elements.join(", ")} };` : ""} }`;

const chain = (name: string, lines: readonly string[]): string =>
  `chain ${name} {\n${lines.map((line) => `    ${line}\n`).join("")}  }`;

/** Made if it is not there, deleted, and made: a transaction, so that at no time there is none. */
const table = (name: string, parts: readonly string[]): string =>
  `table inet ${name}\ndelete table inet ${name}\ntable inet ${name} {\n${parts.map((part) => `  ${part}\n`).join("")}}\n`;
