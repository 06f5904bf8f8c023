import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { findAccess } from "../../operate/droplet/access.ts";
import { countKinds, livesOnDroplet, mayRemakeVolume, resourcesOf } from "../../operate/droplet/lost.ts";
import { tellLoss } from "../../operate/droplet/machine.ts";
import { parseDeployment, plainValue } from "../../operate/state/checkpoint.ts";
import { withoutResources } from "../../operate/state/surgery.ts";

const SECRET = { "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270" };
const secret = (value: unknown) => ({ ...SECRET, plaintext: JSON.stringify(value) });

interface Raw {
  urn: string;
  id?: string;
  type: string;
  parent?: string;
  provider?: string;
  dependencies?: string[];
  propertyDependencies?: Record<string, string[]>;
  deletedWith?: string;
  delete?: boolean;
  [more: string]: unknown;
}
const state = (...resources: Raw[]) => ({
  version: 3,
  deployment: {
    manifest: { time: "t" },
    secrets_providers: { type: "passphrase" },
    resources,
    pending_operations: [1],
  },
});
const resourcesIn = (exported: unknown) => (exported as ReturnType<typeof state>).deployment.resources;

/** The engine's requirements of a state: everything referred to comes before. */
function faults(resources: readonly Raw[]): string[] {
  const urns = new Set<string>();
  const providers = new Set<string>();
  return resources.flatMap((resource) => {
    const refers = [
      resource.parent,
      resource.deletedWith,
      ...(resource.dependencies ?? []),
      ...Object.values(resource.propertyDependencies ?? {}).flat(),
    ].filter((urn) => urn !== undefined);
    const wrong = refers.filter((urn) => !urns.has(urn));
    if (resource.provider && !providers.has(resource.provider)) wrong.push(resource.provider);
    urns.add(resource.urn);
    providers.add(`${resource.urn}::${resource.id}`);
    return wrong.map((urn) => `${resource.urn} refers to ${urn}`);
  });
}

describe("a state without some of its resources", () => {
  it("keeps order, secrets and everything else, and drops unfinished operations", () => {
    const cipher = { ...SECRET, ciphertext: "v1:x" };
    const before = state({ urn: "a", type: "t", outputs: { key: cipher } }, { urn: "b", type: "gone" });
    const after = withoutResources(before, ({ type }) => type === "gone");
    expect(after).toEqual({
      version: 3,
      deployment: {
        manifest: { time: "t" },
        secrets_providers: { type: "passphrase" },
        resources: [{ urn: "a", type: "t", outputs: { key: cipher } }],
      },
    });
  });

  it("has no references to removed resources", () => {
    const after = withoutResources(
      state(
        { urn: "stack", type: "pulumi:pulumi:Stack" },
        { urn: "component", type: "gone", parent: "stack" },
        { urn: "machine", type: "gone", parent: "component" },
        {
          urn: "project",
          type: "stays",
          parent: "component",
          dependencies: ["machine", "stack"],
          propertyDependencies: { resources: ["machine"], name: [] },
          deletedWith: "machine",
        },
      ),
      ({ type }) => type === "gone",
    );
    expect(resourcesIn(after)[1]).toEqual({
      urn: "project",
      type: "stays",
      parent: "stack",
      dependencies: ["stack"],
      propertyDependencies: { resources: [], name: [] },
    });
  });

  it("keeps references to a successor with the same name, and a provider in use", () => {
    const exported = state(
      { urn: "provider", type: "pulumi:providers:docker", id: "1" },
      { urn: "machine", type: "m", id: "new", provider: "provider::1" },
      { urn: "machine", type: "m", id: "old", delete: true, provider: "provider::1" },
      { urn: "project", type: "p", dependencies: ["machine"] },
    );
    const after = withoutResources(
      exported,
      ({ isDoomed, type }) => isDoomed || type.startsWith("pulumi:providers"),
    );
    expect(resourcesIn(after).map(({ urn, id }) => [urn, id])).toEqual([
      ["provider", "1"],
      ["machine", "new"],
      ["project", undefined],
    ]);
    expect(resourcesIn(after)[2]?.dependencies).toEqual(["machine"]);
  });

  it("is valid for the engine, whatever is removed", () => {
    const earlier = fc.nat({ max: 8 });
    const shape = fc.record({
      parent: earlier,
      deps: fc.array(earlier),
      provider: fc.boolean(),
      with: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(shape, { maxLength: 12 }), fc.array(fc.nat({ max: 14 })), (shapes, going) => {
        const all: Raw[] = [
          { urn: "r0", type: "pulumi:pulumi:Stack" },
          { urn: "r1", type: "pulumi:providers:docker", id: "p" },
        ];
        for (const { parent, deps, provider, with: deletedWith } of shapes) {
          const at = (index: number) => `r${index % all.length}`;
          const dependencies = deps.map(at);
          all.push({
            urn: `r${all.length}`,
            type: "t",
            id: "x",
            parent: at(parent),
            dependencies,
            propertyDependencies: { a: dependencies },
            ...(provider ? { provider: "r1::p" } : {}),
            ...(deletedWith ? { deletedWith: at(parent) } : {}),
          });
        }
        expect(faults(all)).toEqual([]);
        const goes = new Set(going.filter((index) => index > 0).map((index) => `r${index}`));
        const left = resourcesIn(withoutResources(state(...all), ({ urn }) => goes.has(urn)));
        expect(faults(left)).toEqual([]);
        expect(left.filter(({ urn, type }) => goes.has(urn) && type === "t")).toEqual([]);
        expect(left.length).toBeGreaterThanOrEqual(all.length - goes.size);
      }),
    );
  });
});

const DROPLET = "digitalocean:index/droplet:Droplet";
const VOLUME = "digitalocean:index/volume:Volume";
const CONTAINER = "docker:index/container:Container";
const COMMAND = "command:local:Command";
const ATTACHMENT = "digitalocean:index/volumeAttachment:VolumeAttachment";
const provider = (id: string, droplet: string): Raw => ({
  urn: `provider-${droplet}`,
  id,
  type: "pulumi:providers:docker",
  inputs: { host: `ssh://root@opencode-prod-${droplet}` },
});
const onDroplet = (droplet: string): Raw[] => [
  { urn: `droplet-${droplet}`, id: droplet, type: DROPLET },
  { urn: `attachment-${droplet}`, id: "a", type: ATTACHMENT, inputs: { dropletId: Number(droplet) } },
  {
    urn: `command-${droplet}`,
    id: "c",
    type: COMMAND,
    inputs: { create: `ssh -F x opencode-prod-${droplet} -- true` },
  },
  provider("p", droplet),
  { urn: `container-${droplet}`, id: "i", type: CONTAINER, provider: `provider-${droplet}::p` },
];
const elsewhere: Raw[] = [
  { urn: "volume", id: "v", type: VOLUME, protect: true },
  { urn: "vpc", id: "n", type: "digitalocean:index/vpc:Vpc" },
  { urn: "key", id: "k", type: "tls:index/privateKey:PrivateKey" },
  { urn: "record", id: "d", type: "cloudflare:index/dnsRecord:DnsRecord" },
  { urn: "commands", id: "q", type: "pulumi:providers:command" },
];
const urns = (resources: readonly { urn: string }[]) => resources.map(({ urn }) => urn);

describe("the resources of a lost droplet", () => {
  it("are all of its kinds, and nothing elsewhere", () => {
    const deployment = parseDeployment(state(...elsewhere, ...onDroplet("12")));
    expect(urns(resourcesOf(deployment, new Set(["12"])))).toEqual(urns(onDroplet("12")));
    expect(deployment.resources.filter(livesOnDroplet).length).toBe(5);
  });

  it("are only its own during a replacement, even if one id contains the other", () => {
    const deployment = parseDeployment(state(...elsewhere, ...onDroplet("12"), ...onDroplet("212")));
    expect(urns(resourcesOf(deployment, new Set(["12"])))).toEqual(urns(onDroplet("12")));
    expect(urns(resourcesOf(deployment, new Set(["212"])))).toEqual(urns(onDroplet("212")));
  });

  it("are counted and described in a sentence", () => {
    const { resources } = parseDeployment(state(...elsewhere, ...onDroplet("12")));
    const lost = resources.filter(livesOnDroplet);
    const [volume] = resources;
    expect(countKinds(lost.filter(({ type }) => type !== DROPLET))).toBe(
      "1 container, 1 command and 2 others",
    );
    expect(countKinds([])).toBe("");
    expect(tellLoss("up", ["12"], lost, volume, false)).toBe(
      "The droplet 12 no longer exists: it and its resources (1 container, 1 command and 2 others) are removed from the state, " +
        "and a new one is created. The workspaces are on the volume v, which still exists.",
    );
    expect(tellLoss("preview", ["12"], lost, volume, true)).toMatch(
      /would be removed from the state, by an update.*The volume v no longer exists either/,
    );
  });

  it("exclude the volume, which is only recreated if it is unprotected or a snapshot is set", () => {
    const volume = (more: Record<string, unknown>) =>
      parseDeployment(state({ urn: "v", type: VOLUME, ...more })).resources[0];
    const kept = volume({ protect: true, inputs: { snapshotId: "old" } });
    const free = volume({ protect: false });
    if (!kept || !free) throw new Error("no volume");
    expect(mayRemakeVolume(kept, undefined)).toBe(false);
    expect(mayRemakeVolume(kept, "old")).toBe(false);
    expect(mayRemakeVolume(kept, "new")).toBe(true);
    expect(mayRemakeVolume(free, undefined)).toBe(true);
  });
});

describe("secrets of an exported state", () => {
  it("are plain at any depth if it was exported so, otherwise undefined", () => {
    expect(plainValue({ a: [secret({ b: secret("c") })], d: 1, e: null })).toEqual({
      a: [{ b: "c" }],
      d: 1,
      e: null,
    });
    expect(plainValue({ ...SECRET, ciphertext: "v1:x" })).toBeUndefined();
  });
});

describe("access to a stack's droplets", () => {
  const access = {
    name: "opencode-prod",
    alias: "opencode-prod-1",
    address: "192.0.2.1",
    hostKey: "ssh-ed25519 A",
    privateKey: "P",
  };

  it("is in the stack's secret output, and in its component's before the first update is complete", () => {
    const stack = { urn: "s", type: "pulumi:pulumi:Stack", outputs: { ssh: secret(access) } };
    const other = { ...access, alias: "opencode-prod-2" };
    const component = { urn: "c", type: "opencode:platform:Droplet", outputs: { ssh: secret(other) } };
    expect(findAccess(parseDeployment(state(stack, component)))).toEqual([access, other]);
    expect(findAccess(parseDeployment(state(component)))).toEqual([other]);
  });

  it.each([
    undefined,
    secret({ ...access, alias: "../x" }),
    secret({ ...access, hostKey: "" }),
    { ...SECRET, ciphertext: "x" },
  ])("is not in %j", (ssh) => {
    expect(
      findAccess(parseDeployment(state({ urn: "s", type: "pulumi:pulumi:Stack", outputs: { ssh } }))),
    ).toEqual([]);
  });
});
