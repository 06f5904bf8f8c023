/** The stand-ins' schemas match the types of the official packages. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { schema as accessPolicy } from "../../../lab/plugins/cloudflare/accessPolicy.ts";
import {
  schema as application,
  corsFields,
  destinationFields,
  policyFields,
} from "../../../lab/plugins/cloudflare/application.ts";
import { configSchema as cloudflareConfig } from "../../../lab/plugins/cloudflare/client.ts";
import { schema as dnsRecord } from "../../../lab/plugins/cloudflare/dnsRecord.ts";
import { schema as identityProvider } from "../../../lab/plugins/cloudflare/identityProvider.ts";
import { schema as serviceToken } from "../../../lab/plugins/cloudflare/serviceToken.ts";
import { schema as tunnel } from "../../../lab/plugins/cloudflare/tunnel.ts";
import { schema as tunnelConfig } from "../../../lab/plugins/cloudflare/tunnelConfig.ts";
import { schema as command } from "../../../lab/plugins/command/local.ts";
import { configSchema as digitaloceanConfig } from "../../../lab/plugins/digitalocean/client.ts";
import { schema as droplet } from "../../../lab/plugins/digitalocean/dropletSchema.ts";
import { schema as firewall } from "../../../lab/plugins/digitalocean/firewall.ts";
import { schema as project, resourcesSchema } from "../../../lab/plugins/digitalocean/project.ts";
import { schema as sshKey } from "../../../lab/plugins/digitalocean/sshKey.ts";
import { schema as tag } from "../../../lab/plugins/digitalocean/tag.ts";
import { schema as cloudVolume } from "../../../lab/plugins/digitalocean/volume.ts";
import { schema as volumeAttachment } from "../../../lab/plugins/digitalocean/volumeAttachment.ts";
import { schema as vpc } from "../../../lab/plugins/digitalocean/vpc.ts";
import { schema as container } from "../../../lab/plugins/docker/containerSchema.ts";
import { schema as image } from "../../../lab/plugins/docker/image.ts";
import { schema as network } from "../../../lab/plugins/docker/network.ts";
import { schema as remoteImage } from "../../../lab/plugins/docker/remoteImage.ts";
import { schema as volume } from "../../../lab/plugins/docker/volume.ts";
import { schema as randomId } from "../../../lab/plugins/random/id.ts";
import { schema as password } from "../../../lab/plugins/random/password.ts";
import type { Schema } from "../../../lab/plugins/shared/schema.ts";
import { schema as privateKey } from "../../../lab/plugins/tls/privateKey.ts";

/** The names in an interface of an official package, and the required ones. */
function official(file: string, name: string): { all: string[]; required: string[] } {
  const path = new URL(`../../../node_modules/@pulumi/${file}.d.ts`, import.meta.url);
  const body = new RegExp(`interface ${name} \\{([\\s\\S]*?)\\n\\s*\\}\\n`).exec(
    readFileSync(path, "utf8"),
  )?.[1];
  if (body === undefined) throw new Error(`${file} has no interface ${name}`);
  const fields = [...body.matchAll(/^\s+(\w+)(\??): /gm)];
  return {
    all: fields.map(([, field = ""]) => field).sort(),
    required: fields.flatMap(([, field = "", optional]) => (optional === "" ? [field] : [])).sort(),
  };
}

function fieldsOf(schema: Schema, name: string): Schema {
  return schema[name]?.fields ?? schema[name]?.items?.fields ?? {};
}

const ingress = fieldsOf(fieldsOf(tunnelConfig, "config"), "ingresses");
const originRequest = fieldsOf(ingress, "originRequest");

const tables: readonly [string, string, Schema][] = [
  ["docker/container", "ContainerArgs", container],
  ["docker/network", "NetworkArgs", network],
  ["docker/volume", "VolumeArgs", volume],
  ["docker/image", "ImageArgs", image],
  ["docker/remoteImage", "RemoteImageArgs", remoteImage],
  ["command/local/command", "CommandArgs", command],
  ["random/randomId", "RandomIdArgs", randomId],
  ["random/randomPassword", "RandomPasswordArgs", password],
  ["tls/privateKey", "PrivateKeyArgs", privateKey],
  ["digitalocean/droplet", "DropletArgs", droplet],
  ["digitalocean/firewall", "FirewallArgs", firewall],
  ["digitalocean/project", "ProjectArgs", project],
  ["digitalocean/projectResources", "ProjectResourcesArgs", resourcesSchema],
  ["digitalocean/sshKey", "SshKeyArgs", sshKey],
  ["digitalocean/tag", "TagArgs", tag],
  ["digitalocean/volume", "VolumeArgs", cloudVolume],
  ["digitalocean/volumeAttachment", "VolumeAttachmentArgs", volumeAttachment],
  ["digitalocean/vpc", "VpcArgs", vpc],
  ["digitalocean/types/input", "FirewallInboundRule", fieldsOf(firewall, "inboundRules")],
  ["digitalocean/types/input", "FirewallOutboundRule", fieldsOf(firewall, "outboundRules")],
  ["cloudflare/dnsRecord", "DnsRecordArgs", dnsRecord],
  ["cloudflare/zeroTrustAccessApplication", "ZeroTrustAccessApplicationArgs", application],
  ["cloudflare/zeroTrustAccessIdentityProvider", "ZeroTrustAccessIdentityProviderArgs", identityProvider],
  ["cloudflare/zeroTrustAccessPolicy", "ZeroTrustAccessPolicyArgs", accessPolicy],
  ["cloudflare/zeroTrustAccessServiceToken", "ZeroTrustAccessServiceTokenArgs", serviceToken],
  ["cloudflare/zeroTrustTunnelCloudflared", "ZeroTrustTunnelCloudflaredArgs", tunnel],
  ["cloudflare/zeroTrustTunnelCloudflaredConfig", "ZeroTrustTunnelCloudflaredConfigArgs", tunnelConfig],
  ["cloudflare/types/input", "DnsRecordSettings", fieldsOf(dnsRecord, "settings")],
  ["cloudflare/types/input", "ZeroTrustAccessApplicationCorsHeaders", corsFields],
  ["cloudflare/types/input", "ZeroTrustAccessApplicationDestination", destinationFields],
  ["cloudflare/types/input", "ZeroTrustAccessApplicationPolicy", policyFields],
  ["cloudflare/types/input", "ZeroTrustAccessIdentityProviderConfig", fieldsOf(identityProvider, "config")],
  ["cloudflare/types/input", "ZeroTrustAccessPolicyExclude", fieldsOf(accessPolicy, "excludes")],
  ["cloudflare/types/input", "ZeroTrustAccessPolicyInclude", fieldsOf(accessPolicy, "includes")],
  ["cloudflare/types/input", "ZeroTrustAccessPolicyRequire", fieldsOf(accessPolicy, "requires")],
  ["cloudflare/types/input", "ZeroTrustTunnelCloudflaredConfigConfig", fieldsOf(tunnelConfig, "config")],
  ["cloudflare/types/input", "ZeroTrustTunnelCloudflaredConfigConfigIngress", ingress],
  ["cloudflare/types/input", "ZeroTrustTunnelCloudflaredConfigConfigIngressOriginRequest", originRequest],
  ["cloudflare/types/input", "ZeroTrustTunnelCloudflaredConfigConfigOriginRequest", originRequest],
  [
    "cloudflare/types/input",
    "ZeroTrustTunnelCloudflaredConfigConfigIngressOriginRequestAccess",
    fieldsOf(originRequest, "access"),
  ],
  ["docker/types/input", "ContainerCapabilities", fieldsOf(container, "capabilities")],
  ["docker/types/input", "ContainerDevice", fieldsOf(container, "devices")],
  ["docker/types/input", "ContainerHealthcheck", fieldsOf(container, "healthcheck")],
  ["docker/types/input", "ContainerHost", fieldsOf(container, "hosts")],
  ["docker/types/input", "ContainerLabel", fieldsOf(container, "labels")],
  ["docker/types/input", "ContainerMount", fieldsOf(container, "mounts")],
  ["docker/types/input", "ContainerNetworksAdvanced", fieldsOf(container, "networksAdvanced")],
  ["docker/types/input", "ContainerPort", fieldsOf(container, "ports")],
  ["docker/types/input", "ContainerUlimit", fieldsOf(container, "ulimits")],
  ["docker/types/input", "ContainerUpload", fieldsOf(container, "uploads")],
  ["docker/types/input", "ContainerVolume", fieldsOf(container, "volumes")],
  ["docker/types/input", "NetworkIpamConfig", fieldsOf(network, "ipamConfigs")],
];

describe("the stand-ins know the official properties", () => {
  test.each(tables)("%s %s", (file, name, schema) => {
    const { all, required } = official(file, name);
    expect(Object.keys(schema).sort()).toEqual(all);
    const ours = Object.entries(schema).flatMap(([field, property]) =>
      property.required === true ? [field] : [],
    );
    expect(ours.sort()).toEqual(required);
  });

  test("a build has one more property: the digest that check adds", () => {
    const { all } = official("docker/types/input", "DockerBuild");
    expect(Object.keys(fieldsOf(image, "build")).sort()).toEqual([...all, "contextDigest"].sort());
  });
});

describe("the stand-ins know the official configuration", () => {
  test.each([
    ["digitalocean", digitaloceanConfig],
    ["cloudflare", cloudflareConfig],
  ])("of %s", (name, schema) => {
    const { all } = official(`${name}/provider`, "ProviderArgs");
    expect(Object.keys(schema).sort()).toEqual([...all, "pluginDownloadURL", "version"].sort());
  });
});

/** ForceNew and RequiresReplace of the official plugins, from their sources. */
test.each<[string, Schema, string]>([
  ["Droplet", droplet, "dropletAgent image monitoring publicNetworking region sshKeys userData vpcUuid"],
  ["Firewall", firewall, ""],
  ["Project", project, ""],
  ["ProjectResources", resourcesSchema, "project"],
  ["SshKey", sshKey, "publicKey"],
  ["Tag", tag, "name"],
  ["Volume", cloudVolume, "description initialFilesystemLabel initialFilesystemType name region snapshotId"],
  ["VolumeAttachment", volumeAttachment, "dropletId volumeId"],
  ["Vpc", vpc, "ipRange region"],
  ["DnsRecord", dnsRecord, "type zoneId"],
  ["ZeroTrustAccessApplication", application, "accountId zoneId"],
  ["ZeroTrustAccessIdentityProvider", identityProvider, "accountId type zoneId"],
  ["ZeroTrustAccessPolicy", accessPolicy, "accountId"],
  ["ZeroTrustAccessServiceToken", serviceToken, "accountId zoneId"],
  ["ZeroTrustTunnelCloudflared", tunnel, "accountId configSrc"],
  ["ZeroTrustTunnelCloudflaredConfig", tunnelConfig, "accountId tunnelId"],
])("%s is replaced for the same properties as in the official plugin", (_name, schema, expected) => {
  const replaced = Object.entries(schema).flatMap(([name, { replace }]) => (replace === true ? [name] : []));
  expect(replaced.sort().join(" ")).toBe(expected);
});

/**
 * The official plugin's table, from its source: properties changed in place; all others need a new container.
 */
const IN_PLACE = [
  "cpuSet",
  "cpuShares",
  "maxRetryCount",
  "memory",
  "memoryReservation",
  "memorySwap",
  "mustRun",
  "restart",
];
const RECORDED = [
  "attach",
  "containerReadRefreshTimeoutMilliseconds",
  "cpuPeriod",
  "cpuQuota",
  "destroyGraceSeconds",
  "healthcheck",
  "init",
  "logs",
  "removeVolumes",
  "rm",
  "start",
  "tmpfs",
  "wait",
  "waitTimeout",
];

test("a container is replaced for every property except those that the official plugin updates or records", () => {
  const kept = Object.entries(container).filter(([, p]) => p.replace !== true && p.refused === undefined);
  expect(kept.map(([name]) => name).sort()).toEqual([...IN_PLACE, ...RECORDED].sort());
});
