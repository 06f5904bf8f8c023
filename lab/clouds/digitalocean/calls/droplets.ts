import {
  accepted,
  begin,
  beginOn,
  type Call,
  type Calls,
  done,
  enforceFirewalls,
  mustBeFree,
  ok,
} from "../call.ts";
import { findImage, findRegion, findSize } from "../catalogue.ts";
import { notCovered, unprocessable } from "../errors.ts";
import type { Machines } from "../machines.ts";
import { dropletView, page } from "../views.ts";
import { type Droplet, must, now, type Volume, type World } from "../world.ts";
import { findKey } from "./keys.ts";
import { defaultVpc } from "./vpcs.ts";

interface DropletBody {
  name?: string;
  names?: string[];
  region?: string;
  size: string;
  image: string | number;
  ssh_keys?: (string | number)[] | null;
  backups?: boolean;
  ipv6?: boolean;
  monitoring?: boolean;
  tags?: string[] | null;
  user_data?: string;
  volumes?: (string | { id?: string; name?: string })[] | null;
  vpc_uuid?: string;
  public_networking?: boolean;
}

const MOST_USER_DATA = 64 * 1024;
const DEFAULT_REGION = "nyc3";

/** Droplets. Names need not be unique. */
export const dropletCalls: Calls = {
  droplets_list({ world, url }) {
    const [tag, name] = [url.searchParams.get("tag_name"), url.searchParams.get("name")];
    const wanted = [...world.droplets.values()].filter(
      (droplet) => (!tag || droplet.tags.includes(tag)) && (!name || droplet.name === name),
    );
    const droplets = wanted.map((droplet) => dropletView(droplet, world));
    return ok(page("droplets", droplets, url));
  },

  droplets_create(call) {
    const said = call.body as DropletBody;
    if (said.names) throw notCovered("droplets made several at once");
    const volumes = volumesFor(call.world, said);
    const droplet = newDroplet(call.world, said);
    const { world, machines } = call;
    for (const tag of droplet.tags) world.tags.add(tag);
    world.droplets.set(droplet.id, droplet);
    const action = beginOn(world, droplet, "create", () => start(world, machines, droplet, volumes));
    const href = `${call.url.origin}/v2/actions/${action.id}`;
    const links = { actions: [{ id: action.id, rel: "create", href }] };
    return accepted({ droplet: dropletView(droplet, world), links });
  },

  droplets_get: (call) => ok({ droplet: dropletView(dropletOf(call), call.world) }),

  async droplets_destroy(call) {
    const droplet = dropletOf(call);
    mustBeFree(call.world, droplet.id);
    // It stays visible until it is destroyed, a moment later.
    const about = { type: "destroy", resourceType: "droplet", resourceId: droplet.id } as const;
    begin(call.world, { ...about, region: droplet.region }, () =>
      destroyDroplet(call.world, call.machines, droplet.id),
    );
    return done;
  },

  droplets_destroy_byTag: () => {
    throw notCovered("destroying droplets by tag");
  },
};

export const dropletOf = ({ world, param }: Call): Droplet =>
  must(world.droplets.get(Number(param("droplet_id"))));

/** Destroys a droplet and what belongs to it, and detaches its volumes. */
export async function destroyDroplet(world: World, machines: Machines, id: number): Promise<void> {
  for (const volume of world.volumesOf(id)) {
    await machines.detach(volume, id);
    volume.dropletId = undefined;
  }
  await machines.destroy(id);
  world.droplets.delete(id);
  world.assigned.delete(`do:droplet:${id}`);
  for (const firewall of world.firewalls.values())
    firewall.dropletIds = firewall.dropletIds.filter((each) => each !== id);
  await enforceFirewalls({ world, machines });
}

async function start(world: World, machines: Machines, droplet: Droplet, volumes: readonly Volume[]) {
  const privateIp = freePrivateIp(world, droplet.vpcId);
  droplet.address = { ...(await machines.place(droplet)), privateIp };
  // Rules come before the machine, as a firewall by tag covers a droplet from the start.
  await enforceFirewalls({ world, machines });
  await machines.create(droplet, volumes);
  for (const volume of volumes) volume.dropletId = droplet.id;
  droplet.status = "active";
}

function freePrivateIp(world: World, vpcId: string): string {
  const network = must(world.vpcs.get(vpcId)).ipRange.split(".").slice(0, 3).join(".");
  const taken = new Set([...world.droplets.values()].map(({ address }) => address?.privateIp));
  for (let last = 2; last < 255; last++) if (!taken.has(`${network}.${last}`)) return `${network}.${last}`;
  throw new Error("no private address is left");
}

function newDroplet(world: World, said: DropletBody): Droplet {
  const invalid = (what: string) => unprocessable(`You specified an invalid ${what} for Droplet creation.`);
  const region = said.region || DEFAULT_REGION;
  const [size, image] = [findSize(said.size), findImage(said.image)];
  if (!findRegion(region)) throw invalid("region");
  if (!size) throw invalid("size");
  if (!image) throw invalid("image");
  if (size.disk < image.minDisk) throw unprocessable("The image's disk is larger than that of the size.");
  if (!image.boots)
    throw unprocessable(
      `This stand-in for DigitalOcean has no ${image.distribution} to boot a Droplet from: take debian-12-x64.`,
    );
  if (Buffer.byteLength(said.user_data ?? "") > MOST_USER_DATA)
    throw unprocessable("User data is too long (maximum is 64 KiB)");
  if (said.public_networking === false || said.ipv6)
    throw notCovered("droplets without a public IPv4 address, or with IPv6");
  const vpc = said.vpc_uuid ? world.vpcs.get(said.vpc_uuid) : defaultVpc(world, region);
  if (!vpc) throw unprocessable("VPC not found");
  if (vpc.region !== region) throw unprocessable("The VPC is in another region than the Droplet.");
  return {
    id: world.number(),
    name: said.name ?? "",
    region,
    size: size.slug,
    disk: size.disk,
    image: image.slug,
    vpcId: vpc.id,
    tags: [...new Set(said.tags ?? [])],
    features: featuresOf(said),
    status: "new",
    createdAt: now(),
    keys: keysFor(world, said),
    userData: said.user_data ?? "",
    address: undefined,
  };
}

const featuresOf = ({ backups, monitoring }: DropletBody): string[] => [
  ...(backups ? ["backups"] : []),
  ...(monitoring ? ["monitoring"] : []),
  "droplet_agent",
  "private_networking",
];

function keysFor(world: World, { ssh_keys }: DropletBody) {
  return (ssh_keys ?? []).map((wanted) => {
    const key = findKey([...world.keys.values()], wanted);
    if (!key) throw unprocessable(`${wanted} are invalid key identifiers for Droplet creation.`);
    return key;
  });
}

function volumesFor(world: World, { volumes, region = DEFAULT_REGION }: DropletBody): Volume[] {
  return (volumes ?? []).map((wanted) => {
    const id = typeof wanted === "string" ? wanted : wanted.id;
    const volume = id ? world.volumes.get(id) : undefined;
    if (!volume) throw unprocessable(`Volume ${id} does not exist.`);
    if (volume.dropletId !== undefined) throw unprocessable("This volume is already attached");
    if (volume.region !== region) throw unprocessable("The Droplet and the volume are in different regions.");
    return volume;
  });
}
