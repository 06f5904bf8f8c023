/** Translates DigitalOcean's firewalls into rules of this machine's packet filter. */
import { BlockList, isIP } from "node:net";
import type { Droplet, Firewall, Rule, Target } from "../world.ts";
import type { MachineNames } from "./names.ts";

/** Context of the rules. */
export interface Ground {
  readonly names: Pick<MachineNames, "inbound" | "outbound">;
  /**
   * This machine on the droplets' network, with the metadata service: no firewall blocks a droplet from it.
   */
  readonly gateway: string;
  readonly metadataPort: number;
}

/**
 * Input of `iptables-restore --noflush`: replaces both chains atomically. A droplet without a firewall is
 * open; one with firewalls only receives and sends what one of them allows.
 */
export function filterRules(
  ground: Ground,
  firewalls: readonly Firewall[],
  droplets: readonly Droplet[],
): string {
  const { inbound, outbound } = ground.names;
  const lines = [inbound, outbound].flatMap((chain) => [
    `:${chain} - [0:0]`,
    `-A ${chain} -m conntrack --ctstate RELATED,ESTABLISHED -j RETURN`,
  ]);
  const metadata = `-d ${ground.gateway} -p tcp --dport ${ground.metadataPort}`;
  lines.push(`-A ${outbound} ${metadata} -j RETURN`);
  for (const droplet of droplets) {
    const covering = firewalls.filter((firewall) => coversDroplet(firewall, droplet));
    if (!droplet.address || covering.length === 0) continue;
    const { ip } = droplet.address;
    const allow = (chain: string, own: string, other: string, rules: Rule[]) => [
      ...rules.flatMap((rule) =>
        matches(rule, other, droplets).map((match) => `-A ${chain} ${own} ${match} -j RETURN`),
      ),
      `-A ${chain} ${own} -j DROP`,
    ];
    lines.push(
      ...allow(
        inbound,
        `-d ${ip}`,
        "-s",
        covering.flatMap((firewall) => firewall.inbound),
      ),
    );
    lines.push(
      ...allow(
        outbound,
        `-s ${ip}`,
        "-d",
        covering.flatMap((firewall) => firewall.outbound),
      ),
    );
  }
  return `*filter\n${lines.join("\n")}\nCOMMIT\n`;
}

const coversDroplet = (firewall: Firewall, droplet: Droplet): boolean =>
  firewall.dropletIds.includes(droplet.id) || firewall.tags.some((tag) => droplet.tags.includes(tag));

/** One match per address of a rule. */
function matches({ protocol, ports, target }: Rule, side: string, droplets: readonly Droplet[]): string[] {
  const range = protocol === "icmp" || ports === "0" ? "" : ` --dport ${ports.replace("-", ":")}`;
  return addressesOf(target, droplets).map((address) => `${side} ${address} -p ${protocol}${range}`);
}

function addressesOf(target: Target, droplets: readonly Droplet[]): string[] {
  const members = droplets.filter(
    ({ id, tags }) => target.droplet_ids?.includes(id) || tags.some((tag) => target.tags?.includes(tag)),
  );
  const own = members.flatMap(({ address }) => (address ? [address.ip] : []));
  const said = (target.addresses ?? []).filter((text) => isIP(text.split("/")[0] ?? "") === 4);
  return [...said, ...own];
}

/** Whether a text is an address, with or without a prefix length. */
export function isAddress(text: string): boolean {
  const [address = "", bits] = text.split("/");
  const version = isIP(address);
  if (version === 0) return false;
  if (bits === undefined) return true;
  try {
    new BlockList().addSubnet(address, Number(bits), version === 4 ? "ipv4" : "ipv6");
    return /^\d+$/.test(bits);
  } catch {
    return false;
  }
}
