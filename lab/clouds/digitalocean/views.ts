/** The world in the API's form. */
import {
  findImage,
  findRegion,
  findSize,
  IMAGES,
  type Image,
  REGIONS,
  SIZES,
  type Size,
} from "./catalogue.ts";
import { badRequest } from "./errors.ts";
import type { Action, Droplet, Firewall, Key, Project, Rule, Snapshot, Volume, Vpc, World } from "./world.ts";

export const keyView = ({ id, name, fingerprint, publicKey }: Key) => ({
  id,
  name,
  fingerprint,
  public_key: publicKey,
});

export const vpcView = (vpc: Vpc) => ({
  id: vpc.id,
  urn: `do:vpc:${vpc.id}`,
  name: vpc.name,
  description: vpc.description,
  region: vpc.region,
  ip_range: vpc.ipRange,
  created_at: vpc.createdAt,
  default: vpc.default,
});

export function regionView(slug: string) {
  const region = findRegion(slug) ?? REGIONS[0];
  const storage = region?.storage ? ["storage"] : [];
  return {
    name: region?.name,
    slug,
    features: ["backups", "ipv6", "metadata", "install_agent", ...storage, "image_transfer"],
    available: true,
    sizes: SIZES.map((size) => size.slug),
  };
}

export const sizeView = (size: Size) => ({
  slug: size.slug,
  memory: size.memory,
  vcpus: size.vcpus,
  disk: size.disk,
  transfer: size.transfer,
  price_monthly: size.monthly,
  price_hourly: size.hourly,
  regions: REGIONS.map((region) => region.slug),
  available: true,
  description: size.description,
});

export const imageView = (image: Image) => ({
  id: image.id,
  name: image.name,
  distribution: image.distribution,
  slug: image.slug,
  public: true,
  regions: REGIONS.map((region) => region.slug),
  created_at: "2026-06-02T16:14:05Z",
  min_disk_size: image.minDisk,
  type: "base",
  size_gigabytes: 0.69,
  description: `${image.distribution} ${image.name}`,
  tags: [],
  status: "available",
});

const ruleView = ({ protocol, ports, target }: Rule, side: "sources" | "destinations") => ({
  protocol,
  ports,
  [side]: target,
});

export function firewallView(firewall: Firewall, world: World) {
  const covered = [...world.droplets.values()].filter((droplet) => world.covers(firewall, droplet));
  const waiting = firewall.status === "waiting" ? covered : [];
  return {
    id: firewall.id,
    name: firewall.name,
    status: firewall.status,
    created_at: firewall.createdAt,
    inbound_rules: firewall.inbound.map((rule) => ruleView(rule, "sources")),
    outbound_rules: firewall.outbound.map((rule) => ruleView(rule, "destinations")),
    droplet_ids: firewall.dropletIds,
    tags: firewall.tags,
    pending_changes: waiting.map(({ id }) => ({ droplet_id: id, removing: false, status: "waiting" })),
  };
}

export const volumeView = (volume: Volume) => ({
  id: volume.id,
  name: volume.name,
  description: volume.description,
  size_gigabytes: volume.size,
  created_at: volume.createdAt,
  droplet_ids: volume.dropletId === undefined ? [] : [volume.dropletId],
  region: regionView(volume.region),
  filesystem_type: volume.filesystemType,
  filesystem_label: volume.filesystemLabel,
  tags: volume.tags,
});

export const snapshotView = (snapshot: Snapshot) => ({
  id: snapshot.id,
  name: snapshot.name,
  created_at: snapshot.createdAt,
  regions: [snapshot.region],
  resource_id: snapshot.volumeId,
  resource_type: "volume",
  min_disk_size: snapshot.size,
  size_gigabytes: 0,
  tags: snapshot.tags,
});

export function dropletView(droplet: Droplet, world: World) {
  const size = findSize(droplet.size);
  const image = findImage(droplet.image);
  const { address } = droplet;
  const v4 = address && [
    { ip_address: address.privateIp, netmask: "255.255.240.0", gateway: "0.0.0.0", type: "private" },
    { ip_address: address.ip, netmask: address.netmask, gateway: address.gateway, type: "public" },
  ];
  return {
    id: droplet.id,
    name: droplet.name,
    memory: size?.memory,
    vcpus: size?.vcpus,
    disk: droplet.disk,
    disk_info: [{ type: "local", size: { amount: droplet.disk, unit: "gib" } }],
    locked: world.pending(droplet.id) !== undefined,
    status: droplet.status,
    created_at: droplet.createdAt,
    features: droplet.features,
    backup_ids: [],
    next_backup_window: null,
    snapshot_ids: [],
    image: image && imageView(image),
    volume_ids: world.volumesOf(droplet.id).map(({ id }) => id),
    size: size && sizeView(size),
    size_slug: droplet.size,
    networks: { v4: v4 ?? [], v6: [] },
    region: regionView(droplet.region),
    tags: droplet.tags,
    vpc_uuid: droplet.vpcId,
  };
}

export const actionView = (action: Action) => ({
  id: action.id,
  status: action.status,
  type: action.type,
  started_at: action.startedAt,
  completed_at: action.completedAt ?? null,
  resource_id: typeof action.resourceId === "number" ? action.resourceId : null,
  resource_type: action.resourceType === "volume" ? "backend" : action.resourceType,
  region: regionView(action.region),
  region_slug: action.region,
});

const OWNER = { owner_uuid: "99525febec065ca37b2ffe4f852fd2b2581895e7", owner_id: 258_992 };

export const projectView = (project: Project) => ({
  id: project.id,
  ...OWNER,
  name: project.name,
  description: project.description,
  purpose: project.purpose,
  ...(project.environment ? { environment: project.environment } : {}),
  is_default: project.isDefault,
  created_at: project.createdAt,
  updated_at: project.updatedAt,
});

export function tagView(name: string, world: World, base: string) {
  const link = (kind: string, things: readonly { id: number | string; tags: string[] }[]) => {
    const tagged = things.filter(({ tags }) => tags.includes(name));
    const last = tagged.at(-1);
    return {
      count: tagged.length,
      ...(last ? { last_tagged_uri: `${base}/v2/${kind}/${last.id}` } : {}),
    };
  };
  const droplets = link("droplets", [...world.droplets.values()]);
  const volumes = link("volumes", [...world.volumes.values()]);
  const snapshots = link("volumes/snapshots", [...world.snapshots.values()]);
  const none = { count: 0 };
  return {
    name,
    resources: {
      count: droplets.count + volumes.count + snapshots.count,
      ...(droplets.last_tagged_uri ? { last_tagged_uri: droplets.last_tagged_uri } : {}),
      droplets,
      images: none,
      volumes,
      volume_snapshots: snapshots,
      databases: none,
    },
  };
}

const MOST_PER_PAGE = 200;

/** One page of a list, with links to the others; `total` counts all. */
export function page<T>(name: string, all: readonly T[], url: URL) {
  const number = (parameter: string, otherwise: number, most: number) => {
    const value = Number(url.searchParams.get(parameter) ?? otherwise);
    if (!Number.isInteger(value) || value < 1 || value > most)
      throw badRequest(`${parameter} should be a number from 1 to ${most}`);
    return value;
  };
  const size = number("per_page", 20, MOST_PER_PAGE);
  const current = number("page", 1, Number.MAX_SAFE_INTEGER);
  const last = Math.max(1, Math.ceil(all.length / size));
  const to = (target: number) => {
    const link = new URL(url);
    link.searchParams.set("page", String(target));
    link.searchParams.set("per_page", String(size));
    return link.href;
  };
  const pages = {
    ...(current > 1 ? { first: to(1), prev: to(current - 1) } : {}),
    ...(current < last ? { next: to(current + 1), last: to(last) } : {}),
  };
  return {
    [name]: all.slice((current - 1) * size, current * size),
    links: last > 1 ? { pages } : {},
    meta: { total: all.length },
  };
}

export const allRegions = () => REGIONS.map(({ slug }) => regionView(slug));
export const allSizes = () => SIZES.map(sizeView);
export const allImages = () => IMAGES.map(imageView);
