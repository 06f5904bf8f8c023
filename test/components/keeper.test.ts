/** The keeper's container: what it holds, and what it does not. */
import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { beforeAll, expect, it } from "vitest";
import type { Host } from "../../components/host/host.ts";
import { Keeper } from "../../components/keeper/keeper.ts";
import { TraefikProxy } from "../../components/proxy/proxy.ts";
import { makeNames } from "../../config/naming/names.ts";

const made = new Map<string, Record<string, unknown>>();
/** What a resource is made after. */
const after = new Map<string, unknown>();
let keeperContainer: docker.Container;
beforeAll(async () => {
  await pulumi.runtime.setMocks({
    newResource: ({ name, type, inputs }) => {
      made.set(`${type.split(":").at(-1)} ${name}`, inputs);
      return { id: `${name}-id`, state: inputs as object };
    },
    call: () => ({}),
  });
  const host = {
    provider: new docker.Provider("test"),
    runtimeDir: "/srv/runtime",
    dockerSocket: "/var/run/docker.sock",
    imageOf: (image: string) => image,
    run: (name: string) => new pulumi.ComponentResource("test:index:Command", name),
  } as unknown as Host;
  const common = { host, names: makeNames("oc"), image: "image", port: 4080 };
  const keeper = new Keeper("keeper", common);
  const note: pulumi.ResourceTransformation = ({ name, type, opts }) => {
    after.set(`${type.split(":").at(-1)} ${name}`, opts.dependsOn);
    return undefined;
  };
  const { wakeVolume, dockerVolume, container } = keeper;
  new TraefikProxy(
    "traefik",
    { ...common, network: "network", wakeVolume, dockerVolume, keeper: container },
    { transformations: [note] },
  );
  keeperContainer = container;
  await pulumi.runtime.disconnect();
});

it("holds Docker's socket, the gateway's files and the host's groups, and no right but to read the files of whoever deploys", () => {
  const container = made.get("Container keeper");
  expect(container).toMatchObject({
    name: "oc-keeper",
    user: "0:0",
    readOnly: true,
    networkMode: "host",
    pidMode: "host",
    cgroupnsMode: "host",
    capabilities: { drops: ["ALL"], adds: ["CAP_DAC_OVERRIDE"] },
    // Without the second, which Docker adds itself, each update would replace it.
    securityOpts: ["no-new-privileges", "label=disable"],
  });
  const mounts = ((container?.volumes ?? []) as { containerPath: string; readOnly?: boolean }[]).map(
    ({ containerPath, readOnly }) => `${containerPath}${readOnly ? " ro" : ""}`,
  );
  expect(mounts).toEqual([
    "/var/run/docker.sock",
    "/sys/fs/cgroup",
    "/run/keeper/routes",
    "/run/keeper/projects ro",
    "/run/keeper/wake",
    "/run/keeper/docker",
    "/run/keeper/storage",
  ]);
});

it("has a volume for each of its sockets, by which others are given that one alone", () => {
  expect(made.get("Volume keeper-wake")).toMatchObject({ name: "oc-wake" });
  expect(made.get("Volume keeper-docker")).toMatchObject({ name: "oc-docker" });
  expect(made.get("Volume keeper-storage")).toMatchObject({ name: "oc-storage" });
});

it("is there before Traefik, which has no Docker without it, and replaces it with no property", () => {
  expect(after.get("Container traefik")).toContain(keeperContainer);
  expect(JSON.stringify(made.get("Container traefik"))).not.toContain("keeper-id");
});
