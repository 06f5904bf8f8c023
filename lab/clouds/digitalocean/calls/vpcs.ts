import { randomUUID } from "node:crypto";
import { BlockList, isIPv4 } from "node:net";
import { type Call, type Calls, created, done, ok } from "../call.ts";
import { findRegion } from "../catalogue.ts";
import { forbidden, unprocessable } from "../errors.ts";
import { page, vpcView } from "../views.ts";
import { must, now, type Vpc, type World } from "../world.ts";

interface VpcBody {
  name?: string;
  description?: string;
  region: string;
  ip_range?: string;
  default?: boolean;
}

/** VPCs. A droplet without one is in its region's default VPC, created with the first such droplet. */
export const vpcCalls: Calls = {
  vpcs_list: ({ world, url }) => ok(page("vpcs", [...world.vpcs.values()].map(vpcView), url)),

  vpcs_create({ world, body }) {
    const { name = "", description = "", region, ip_range } = body as VpcBody;
    if (!findRegion(region)) throw unprocessable("Region is not valid.");
    if (nameTaken(world, name)) throw unprocessable(`VPC name already exists: ${name}`);
    const ipRange = ip_range || freeRange(world);
    checkRange(ipRange);
    if ([...world.vpcs.values()].some((vpc) => overlap(vpc.ipRange, ipRange)))
      throw unprocessable("This range/size overlaps with another VPC network in your account.");
    const vpc = addVpc(world, { name, description, region, ipRange, default: false });
    return created({ vpc: vpcView(vpc) });
  },

  vpcs_get: (call) => ok({ vpc: vpcView(vpcOf(call)) }),
  vpcs_update: update,
  vpcs_patch: update,

  vpcs_delete(call) {
    const vpc = vpcOf(call);
    if (vpc.default) throw forbidden("Can not delete default VPCs");
    if ([...call.world.droplets.values()].some(({ vpcId }) => vpcId === vpc.id))
      throw forbidden("Can not delete VPC with members");
    call.world.vpcs.delete(vpc.id);
    return done;
  },
};

function update(call: Call) {
  const vpc = vpcOf(call);
  const { name = vpc.name, description = vpc.description, default: isDefault } = call.body as VpcBody;
  if (name !== vpc.name && nameTaken(call.world, name))
    throw unprocessable(`VPC name already exists: ${name}`);
  if (isDefault)
    for (const each of call.world.vpcs.values()) if (each.region === vpc.region) each.default = false;
  Object.assign(vpc, { name, description, default: isDefault || vpc.default });
  return ok({ vpc: vpcView(vpc) });
}

/** The default VPC of a region, created if missing. */
export function defaultVpc(world: World, region: string): Vpc {
  const there = [...world.vpcs.values()].find((vpc) => vpc.region === region && vpc.default);
  const name = `default-${region}`;
  return there ?? addVpc(world, { name, description: "", region, ipRange: freeRange(world), default: true });
}

function addVpc(world: World, vpc: Omit<Vpc, "id" | "createdAt">): Vpc {
  const made: Vpc = { ...vpc, id: randomUUID(), createdAt: now() };
  world.vpcs.set(made.id, made);
  return made;
}

const vpcOf = ({ world, param }: Call): Vpc => must(world.vpcs.get(param("vpc_id")));

const nameTaken = (world: World, name: string): boolean =>
  [...world.vpcs.values()].some((vpc) => vpc.name === name);

function freeRange(world: World): string {
  for (let third = 0; third < 256; third += 16) {
    const range = `10.114.${third}.0/20`;
    if (![...world.vpcs.values()].some((vpc) => overlap(vpc.ipRange, range))) return range;
  }
  throw unprocessable("There is no range left for another VPC in this stand-in.");
}

const PRIVATE = new BlockList();
PRIVATE.addSubnet("10.0.0.0", 8);
PRIVATE.addSubnet("172.16.0.0", 12);
PRIVATE.addSubnet("192.168.0.0", 16);

function checkRange(range: string): void {
  const [network = "", bits = ""] = range.split("/");
  const fits = isIPv4(network) && PRIVATE.check(network) && Number(bits) >= 16 && Number(bits) <= 28;
  if (!fits) throw unprocessable("IP range must be a private network of a size between /16 and /28.");
}

const overlap = (a: string, b: string): boolean => contains(a, b) || contains(b, a);

function contains(range: string, other: string): boolean {
  const [network = "", bits] = range.split("/");
  const list = new BlockList();
  list.addSubnet(network, Number(bits));
  return list.check(other.split("/")[0] ?? "");
}
