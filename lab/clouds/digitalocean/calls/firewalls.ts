import { randomUUID } from "node:crypto";
import { accepted, type Call, type Calls, done, enforceFirewalls, ok } from "../call.ts";
import { conflict, unprocessable } from "../errors.ts";
import { isAddress } from "../machine/rules.ts";
import { firewallView, page } from "../views.ts";
import { type Firewall, must, now, type Rule, type Target, type World } from "../world.ts";

interface RuleBody {
  protocol: Rule["protocol"];
  ports?: string;
  sources?: Target;
  destinations?: Target;
}

interface FirewallBody {
  name: string;
  inbound_rules?: RuleBody[] | null;
  outbound_rules?: RuleBody[] | null;
  droplet_ids?: number[] | null;
  tags?: string[] | null;
}

/** Firewalls. A change is in force before the response; the real one takes some seconds. */
export const firewallCalls: Calls = {
  firewalls_list: ({ world, url }) =>
    ok(
      page(
        "firewalls",
        [...world.firewalls.values()].map((each) => firewallView(each, world)),
        url,
      ),
    ),

  async firewalls_create(call) {
    const said = parse(call);
    if ([...call.world.firewalls.values()].some(({ name }) => name === said.name))
      throw conflict("duplicate name");
    const firewall: Firewall = { ...said, id: randomUUID(), status: "waiting", createdAt: now() };
    call.world.firewalls.set(firewall.id, firewall);
    const body = { firewall: firewallView(firewall, call.world) };
    await enforceFirewalls(call);
    return accepted(body);
  },

  firewalls_get: (call) => ok({ firewall: firewallView(firewallOf(call), call.world) }),

  async firewalls_update(call) {
    const firewall = firewallOf(call);
    const said = parse(call);
    if ([...call.world.firewalls.values()].some(({ id, name }) => name === said.name && id !== firewall.id))
      throw conflict("duplicate name");
    Object.assign(firewall, said, { status: "waiting" });
    const body = { firewall: firewallView(firewall, call.world) };
    await enforceFirewalls(call);
    return ok(body);
  },

  async firewalls_delete(call) {
    call.world.firewalls.delete(firewallOf(call).id);
    await enforceFirewalls(call);
    return done;
  },

  firewalls_assign_droplets: (call) =>
    change(call, (firewall) => {
      const { droplet_ids } = call.body as { droplet_ids: number[] };
      mustExist(call.world, droplet_ids, []);
      firewall.dropletIds = [...new Set([...firewall.dropletIds, ...droplet_ids])];
    }),

  firewalls_delete_droplets: (call) =>
    change(call, (firewall) => {
      const { droplet_ids } = call.body as { droplet_ids: number[] };
      firewall.dropletIds = firewall.dropletIds.filter((id) => !droplet_ids.includes(id));
    }),

  firewalls_add_tags: (call) =>
    change(call, (firewall) => {
      const { tags } = call.body as { tags: string[] };
      mustExist(call.world, [], tags);
      firewall.tags = [...new Set([...firewall.tags, ...tags])];
    }),

  firewalls_delete_tags: (call) =>
    change(call, (firewall) => {
      const { tags } = call.body as { tags: string[] };
      firewall.tags = firewall.tags.filter((tag) => !tags.includes(tag));
    }),
};

async function change(call: Call, work: (firewall: Firewall) => void) {
  work(firewallOf(call));
  await enforceFirewalls(call);
  return done;
}

const firewallOf = ({ world, param }: Call): Firewall => must(world.firewalls.get(param("firewall_id")));

function parse({ world, body }: Call) {
  const { name, inbound_rules, outbound_rules, droplet_ids, tags } = body as FirewallBody;
  const inbound = (inbound_rules ?? []).map((rule) => parseRule(rule, rule.sources));
  const outbound = (outbound_rules ?? []).map((rule) => parseRule(rule, rule.destinations));
  if (inbound.length + outbound.length === 0)
    throw unprocessable("a firewall must have at least one inbound or outbound rule");
  mustExist(world, droplet_ids ?? [], tags ?? []);
  return { name, inbound, outbound, dropletIds: droplet_ids ?? [], tags: tags ?? [] };
}

/** The API stores "all" as `0`, and ICMP has no ports. */
function parseRule({ protocol, ports = "" }: RuleBody, target: Target | undefined): Rule {
  if (!target || !Object.values(target).some((members) => (members as unknown[]).length > 0))
    throw unprocessable("a rule must have sources or destinations");
  if (target.load_balancer_uids?.length || target.kubernetes_ids?.length)
    throw unprocessable("This stand-in has neither load balancers nor clusters.");
  const wrong = target.addresses?.find((address) => !isAddress(address));
  if (wrong !== undefined) throw unprocessable(`${wrong} is not a valid address or range`);
  if (protocol === "icmp" || ["0", "all", "1-65535"].includes(ports)) return { protocol, ports: "0", target };
  const [from = "", to = from] = ports.split("-");
  const numbers = [from, to].map((text) => (/^\d+$/.test(text) ? Number(text) : Number.NaN));
  const [low = 0, high = 0] = numbers;
  if (!(low >= 1 && high <= 65_535 && low <= high))
    throw unprocessable(`ports: ${ports} is not a valid port or range`);
  return { protocol, ports, target };
}

function mustExist(world: World, dropletIds: readonly number[], tags: readonly string[]): void {
  const droplet = dropletIds.find((id) => !world.droplets.has(id));
  if (droplet !== undefined) throw unprocessable(`droplet ${droplet} does not exist`);
  const tag = tags.find((name) => !world.tags.has(name));
  if (tag !== undefined) throw unprocessable(`tag ${tag} does not exist`);
}
