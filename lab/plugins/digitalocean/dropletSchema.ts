/** A droplet's inputs, its create request, and its state. */
import { createHash } from "node:crypto";
import { bool, compact, num, record, records, str, strings } from "../shared/plain.ts";
import { computed, flag, type Property, replaced, type Schema, text, textSet } from "../shared/schema.ts";
import type { Plain, PlainProps } from "../shared/values.ts";
import { notCovered } from "./client.ts";
import { tags } from "./tag.ts";

const off: Property = { ...flag, fallback: false };

function lower(value: string): string {
  return value.toLowerCase();
}

function sha1(value: string): string {
  return createHash("sha1").update(value).digest("hex");
}

export const schema: Schema = {
  backupPolicy: { type: "object", ...notCovered("backupPolicy") },
  backups: off,
  dropletAgent: replaced(flag),
  gpuPartitionMode: { ...text, ...notCovered("gpuPartitionMode") },
  gracefulShutdown: off,
  image: { ...replaced(text), required: true },
  ipv6: off,
  ipv6Address: { ...computed(text), ...notCovered("ipv6Address as an input") },
  monitoring: replaced(off),
  name: text,
  privateNetworking: { ...computed(flag), ...notCovered("privateNetworking: set vpcUuid instead, or") },
  publicNetworking: computed(replaced(flag)),
  region: { ...computed(replaced(text)), kept: lower },
  resizeDisk: { ...flag, fallback: true },
  size: { ...text, required: true, kept: lower },
  sshKeys: replaced(textSet),
  tags,
  // The state only has its digest.
  userData: { ...replaced(text), kept: sha1 },
  volumeIds: { ...computed(textSet), ...notCovered("volumeIds: use VolumeAttachment instead, or") },
  vpcUuid: computed(replaced(text)),
};

export const outputs = [
  "createdAt",
  "disk",
  "dropletUrn",
  "ipv4Address",
  "ipv4AddressPrivate",
  "ipv6Address",
  "locked",
  "memory",
  "priceHourly",
  "priceMonthly",
  "privateNetworking",
  "publicNetworking",
  "region",
  "status",
  "vcpus",
  "volumeIds",
  "vpcUuid",
];

function numeric(value: string): string | number {
  return /^\d+$/.test(value) ? Number(value) : value;
}

/** The create request. */
export function createRequest(inputs: PlainProps): PlainProps {
  const keys = strings(inputs.sshKeys).map(numeric);
  return {
    name: str(inputs.name) ?? "",
    region: lower(str(inputs.region) ?? ""),
    size: lower(str(inputs.size) ?? ""),
    image: numeric(str(inputs.image) ?? ""),
    ssh_keys: keys.length > 0 ? keys : null,
    backups: inputs.backups === true,
    ipv6: inputs.ipv6 === true,
    private_networking: false,
    monitoring: inputs.monitoring === true,
    tags: strings(inputs.tags),
    ...compact({
      user_data: str(inputs.userData),
      vpc_uuid: str(inputs.vpcUuid),
      with_droplet_agent: bool(inputs.dropletAgent),
      public_networking: inputs.publicNetworking === false ? false : undefined,
    }),
  };
}

function address(list: Plain | undefined, type: "public" | "private"): string {
  const network = records(list).find((item) => item.type === type);
  return (str(network?.ip_address) ?? "").toLowerCase();
}

/** A droplet's state from the API. The image isn't read back: over time a slug stands for another image. */
export function liveDroplet(droplet: PlainProps): PlainProps {
  const [networks, size] = [record(droplet.networks) ?? {}, record(droplet.size) ?? {}];
  const features = Array.isArray(droplet.features) ? strings(droplet.features) : undefined;
  const ipv4Address = address(networks.v4, "public");
  return {
    name: str(droplet.name) ?? "",
    dropletUrn: `do:droplet:${num(droplet.id)}`,
    region: str(record(droplet.region)?.slug) ?? "",
    size: str(size.slug) ?? str(droplet.size_slug) ?? "",
    priceHourly: num(size.price_hourly) ?? 0,
    priceMonthly: num(size.price_monthly) ?? 0,
    disk: num(droplet.disk) ?? 0,
    vcpus: num(droplet.vcpus) ?? 0,
    memory: num(droplet.memory) ?? 0,
    status: str(droplet.status) ?? "",
    locked: droplet.locked === true,
    createdAt: str(droplet.created_at) ?? "",
    vpcUuid: str(droplet.vpc_uuid) ?? "",
    ipv4Address,
    ipv4AddressPrivate: address(networks.v4, "private"),
    ipv6Address: address(networks.v6, "public"),
    publicNetworking: ipv4Address !== "",
    volumeIds: strings(droplet.volume_ids),
    tags: strings(droplet.tags),
    ...(features === undefined
      ? {}
      : {
          backups: features.includes("backups"),
          ipv6: features.includes("ipv6"),
          privateNetworking: features.includes("private_networking"),
          monitoring: features.includes("monitoring"),
        }),
  };
}
