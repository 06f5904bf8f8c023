/** digitalocean:index/firewall:Firewall. */
import { bridged, type Live } from "../shared/bridged.ts";
import { bool, compact, num, record, records, str, strings } from "../shared/plain.ts";
import type { Context } from "../shared/resource.ts";
import { doing, ifFound } from "../shared/rest.ts";
import {
  type Failure,
  integer,
  objects,
  type Property,
  type Schema,
  text,
  textSet,
} from "../shared/schema.ts";
import type { Plain, PlainProps } from "../shared/values.ts";
import { call, notCovered } from "./client.ts";
import { tags } from "./tag.ts";

const ids: Property = { type: "list", unordered: true, items: integer };

function ruleFields(side: "source" | "destination"): Schema {
  return {
    action: { ...text, ...notCovered("a rule's action") },
    portRange: text,
    protocol: { ...text, required: true, pattern: /^(tcp|udp|icmp)$/ },
    [`${side}Addresses`]: textSet,
    [`${side}DropletIds`]: ids,
    [`${side}KubernetesIds`]: textSet,
    [`${side}LoadBalancerUids`]: textSet,
    [`${side}Tags`]: tags,
  };
}

export const schema: Schema = {
  dropletIds: ids,
  inboundRules: objects(ruleFields("source")),
  name: text,
  outboundRules: objects(ruleFields("destination")),
  tags,
};

/** Checks of the inputs beyond the schema. */
export function validate({ inboundRules, outboundRules }: PlainProps): Failure[] {
  const rules = { inboundRules: records(inboundRules), outboundRules: records(outboundRules) };
  if (rules.inboundRules.length + rules.outboundRules.length === 0) {
    return [{ property: "inboundRules", reason: "At least one rule must be specified" }];
  }
  return Object.entries(rules).flatMap(([property, list]) =>
    list.some(({ protocol, portRange }) => protocol !== "icmp" && str(portRange) === undefined)
      ? [{ property, reason: "`portRange` is required if protocol is `tcp` or `udp`" }]
      : [],
  );
}

function some(list: Plain | undefined): Plain[] | undefined {
  return Array.isArray(list) && list.length > 0 ? list : undefined;
}

function rulesFor(list: Plain | undefined, side: "source" | "destination"): PlainProps[] | null {
  const rules = records(list).map((rule) => ({
    ...compact({ protocol: str(rule.protocol), ports: str(rule.portRange) }),
    [`${side}s`]: compact({
      addresses: some(rule[`${side}Addresses`]),
      tags: some(rule[`${side}Tags`]),
      droplet_ids: some(rule[`${side}DropletIds`]),
      load_balancer_uids: some(rule[`${side}LoadBalancerUids`]),
      kubernetes_ids: some(rule[`${side}KubernetesIds`]),
    }) as PlainProps,
  }));
  return rules.length > 0 ? rules : null;
}

/** The request; the official plugin sends null for unset values. */
export function request(inputs: PlainProps): PlainProps {
  return {
    name: str(inputs.name) ?? "",
    inbound_rules: rulesFor(inputs.inboundRules, "source"),
    outbound_rules: rulesFor(inputs.outboundRules, "destination"),
    droplet_ids: some(inputs.dropletIds) ?? null,
    tags: strings(inputs.tags),
  };
}

function liveRules(list: Plain | undefined, side: "source" | "destination"): PlainProps[] {
  return records(list).map((rule) => {
    const peers = record(rule[`${side}s`]) ?? {};
    const ports = str(rule.ports) ?? (num(rule.ports) === 0 ? "0" : undefined);
    // The API uses 0 for all ports, and for ICMP, which has none.
    const portRange = ports === "0" ? (rule.protocol === "icmp" ? undefined : "all") : ports;
    return compact({
      protocol: str(rule.protocol),
      portRange,
      [`${side}Addresses`]: some(peers.addresses),
      [`${side}Tags`]: some(peers.tags),
      [`${side}DropletIds`]: some(peers.droplet_ids),
      [`${side}LoadBalancerUids`]: some(peers.load_balancer_uids),
      [`${side}KubernetesIds`]: some(peers.kubernetes_ids),
    }) as PlainProps;
  });
}

/** A firewall's state from the API. */
export function liveFirewall(answer: PlainProps): Live {
  const firewall = record(answer.firewall) ?? {};
  const properties: PlainProps = {
    name: str(firewall.name) ?? "",
    status: str(firewall.status) ?? "",
    createdAt: str(firewall.created_at) ?? "",
    pendingChanges: records(firewall.pending_changes).map((change) => ({
      dropletId: num(change.droplet_id) ?? 0,
      removing: bool(change.removing) ?? false,
      status: str(change.status) ?? "",
    })),
    dropletIds: some(firewall.droplet_ids) ?? [],
    inboundRules: liveRules(firewall.inbound_rules, "source"),
    outboundRules: liveRules(firewall.outbound_rules, "destination"),
    tags: strings(firewall.tags),
  };
  return { id: str(firewall.id) ?? "", properties };
}

async function read(id: string, _known: PlainProps, context: Context): Promise<Live | undefined> {
  const answer = await ifFound("Error retrieving firewall", call(context, "GET", `/v2/firewalls/${id}`));
  return answer === undefined ? undefined : liveFirewall(answer);
}

export const firewall = bridged({
  schema,
  outputs: ["createdAt", "pendingChanges", "status"],
  autoNamed: true,
  validate,
  create: async (inputs, context) =>
    liveFirewall(
      await doing("Error creating firewall", call(context, "POST", "/v2/firewalls", request(inputs))),
    ),
  read,
  update: async (id, news, _state, context) =>
    liveFirewall(
      await doing("Error updating firewall", call(context, "PUT", `/v2/firewalls/${id}`, request(news))),
    ),
  delete: async (id, _state, context) => {
    await ifFound("Error deleting firewall", call(context, "DELETE", `/v2/firewalls/${id}`));
  },
});
