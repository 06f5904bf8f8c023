/** The stand-ins' tables against the types of the official packages. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { schema as command } from "../../toolchain/plugins/command/local.ts";
import { schema as container } from "../../toolchain/plugins/docker/containerSchema.ts";
import { schema as image } from "../../toolchain/plugins/docker/image.ts";
import { schema as network } from "../../toolchain/plugins/docker/network.ts";
import { schema as remoteImage } from "../../toolchain/plugins/docker/remoteImage.ts";
import { schema as volume } from "../../toolchain/plugins/docker/volume.ts";
import { schema as password } from "../../toolchain/plugins/random/password.ts";
import type { Schema } from "../../toolchain/plugins/shared/schema.ts";
import { schema as privateKey } from "../../toolchain/plugins/tls/privateKey.ts";

/** The names in an interface of an official package, and which of them are required. */
function official(file: string, name: string): { all: string[]; required: string[] } {
  const path = new URL(`../../node_modules/@pulumi/${file}.d.ts`, import.meta.url);
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

const tables: readonly [string, string, Schema][] = [
  ["docker/container", "ContainerArgs", container],
  ["docker/network", "NetworkArgs", network],
  ["docker/volume", "VolumeArgs", volume],
  ["docker/image", "ImageArgs", image],
  ["docker/remoteImage", "RemoteImageArgs", remoteImage],
  ["command/local/command", "CommandArgs", command],
  ["random/randomPassword", "RandomPasswordArgs", password],
  ["tls/privateKey", "PrivateKeyArgs", privateKey],
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

  test("a build has one property more: the digest that check adds", () => {
    const { all } = official("docker/types/input", "DockerBuild");
    expect(Object.keys(fieldsOf(image, "build")).sort()).toEqual([...all, "contextDigest"].sort());
  });
});

/** Upstream's table, read from its source: what is changed in place; every other property needs a new container. */
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

test("a container is replaced for every property but those that upstream changes in place or just records", () => {
  const kept = Object.entries(container).filter(([, p]) => p.replace !== true && p.refused === undefined);
  expect(kept.map(([name]) => name).sort()).toEqual([...IN_PLACE, ...RECORDED].sort());
});
