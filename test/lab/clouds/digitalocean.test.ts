import { readFileSync } from "node:fs";
import type { Server } from "node:http";
import { join } from "node:path";
import { createAdaptorServer } from "@hono/node-server";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { makeApp } from "../../../lab/clouds/digitalocean/api.ts";
import { operations } from "../../../lab/clouds/digitalocean/contract.ts";
import { type PaperApi, paperApi } from "../../../lab/clouds/digitalocean/paper.ts";
import { PLATFORM_SCOPES, SPACES_SCOPES } from "../../../lab/clouds/digitalocean/scopes.ts";
import { listen } from "../../../lab/clouds/http.ts";

const TOKEN = "dop_v1_test";
const PUBLIC_KEY =
  "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHg0bxVVpj1w563fThXK1wnEMzRlQz3N3xcDdp4cA++3 someone@example.com";

let api: PaperApi;
beforeEach(() => {
  api = paperApi(TOKEN);
});
afterEach(() => expect([...api.violations, ...api.world.failures]).toEqual([]));

const ask = <T = unknown>(method: string, path: string, body?: object) => api.ask<T>(method, path, body);

/** In the form of DigitalOcean's own Go client, with null and empty strings for omitted values. */
const dropletBody = (more: object = {}) => ({
  name: "opencode-prod",
  region: "fra1",
  size: "s-4vcpu-8gb",
  image: "debian-12-x64",
  ssh_keys: [],
  backups: false,
  ipv6: false,
  private_networking: false,
  monitoring: true,
  tags: null,
  ...more,
});

async function makeDroplet(more: object = {}): Promise<number> {
  const { status, body } = await ask<{ droplet: { id: number } }>("POST", "/v2/droplets", dropletBody(more));
  expect(status).toBe(202);
  await api.world.settle();
  return body.droplet.id;
}

async function makeVolume(name = "workspaces", more: object = {}): Promise<string> {
  const { status, body } = await ask<{ volume: { id: string } }>("POST", "/v2/volumes", {
    region: "fra1",
    name,
    description: "",
    size_gigabytes: 1,
    snapshot_id: "",
    filesystem_type: "ext4",
    filesystem_label: "",
    tags: null,
    ...more,
  });
  expect(status).toBe(201);
  return body.volume.id;
}

const complaint = (status: number, message: unknown) => ({
  status,
  body: { id: expect.any(String), message, request_id: expect.any(String) },
});

describe("authorization", () => {
  it("rejects an unknown token", async () => {
    expect(await api.ask("GET", "/v2/account", undefined, "dop_v1_other")).toMatchObject(
      complaint(401, "Unable to authenticate you"),
    );
  });

  it("requires a call's scope, and those of a request's properties", async () => {
    api = paperApi(TOKEN, ["droplet:create", "image:read"]);
    const refused = complaint(403, "You are not authorized to perform this operation.");
    expect(await ask("GET", "/v2/droplets")).toMatchObject(refused);
    expect(await ask("POST", "/v2/droplets", dropletBody({ tags: ["a"], ssh_keys: [1] }))).toMatchObject(
      refused,
    );
    expect([...api.missingScopes].sort()).toEqual(["droplet:read", "ssh_key:read", "tag:create"]);
    expect((await ask("POST", "/v2/droplets", dropletBody())).status).toBe(202);
  });

  it("has every scope of the platform in the API's description", () => {
    const known = new Set(
      operations.flatMap(({ scopes, scopesOf }) => [...scopes, ...Object.values(scopesOf).flat()]),
    );
    expect(PLATFORM_SCOPES.filter((scope) => !known.has(scope))).toEqual([]);
  });

  it("requires exactly the scopes in the docs", () => {
    const docs = readFileSync(join(import.meta.dirname, "../../../docs/deploying.md"), "utf8");
    const [table = ""] = docs.match(/\*\*DigitalOcean\*\*[\s\S]+?\*\*Cloudflare\*\*/g)?.slice(-1) ?? [];
    const rows = table.matchAll(/^\| `(\w+)` \| ((?:`\w+` ?)+)\|/gm);
    const told = [...rows].flatMap(([, kind, verbs = ""]) =>
      [...verbs.matchAll(/`(\w+)`/g)].map(([, verb]) => `${kind}:${verb}`),
    );
    expect(told.sort()).toEqual([...PLATFORM_SCOPES].sort());
  });

  it("has keys of Spaces, for whose token may make them, and their secrets once", async () => {
    const grants = [{ bucket: "backups", permission: "readwrite" }];
    expect((await ask("POST", "/v2/spaces/keys", { name: "k", grants })).status).toBe(403);
    api = paperApi(TOKEN, [...PLATFORM_SCOPES, ...SPACES_SCOPES]);
    const made = await api.ask<{ key: Record<string, string> }>("POST", "/v2/spaces/keys", {
      name: "k",
      grants,
    });
    expect([made.status, made.body.key.name]).toEqual([201, "k"]);
    expect(made.body.key.secret_key).toMatch(/.{40}/);
    const path = `/v2/spaces/keys/${made.body.key.access_key}`;
    const read = await api.ask<{ key: object }>("GET", path);
    expect(read.body.key).toMatchObject({ name: "k", grants });
    expect(read.body.key).not.toHaveProperty("secret_key");
    expect(
      (await api.ask("PUT", path, { name: "k", grants: [{ bucket: "", permission: "read" }] })).status,
    ).toBe(400);
    expect([(await api.ask("DELETE", path)).status, (await api.ask("GET", path)).status]).toEqual([204, 404]);
    expect(api.violations).toEqual([]);
  });

  it("reports the rate limit", async () => {
    const { headers } = await ask("GET", "/v2/tags");
    expect(headers.get("ratelimit-limit")).toBe("5000");
    expect(headers.get("ratelimit-remaining")).toBe("4999");
    expect(headers.get("x-request-id")).toMatch(/^[0-9a-f-]{36}$/);
  });

  it("names itself a stand-in for unsupported calls", async () => {
    expect(await ask("GET", "/v2/kubernetes/clusters")).toMatchObject(
      complaint(501, expect.stringContaining("stand-in")),
    );
    api = paperApi(TOKEN, ["image:create"]);
    const image = { name: "x", url: "http://example.com/x", region: "fra1" };
    expect(await ask("POST", "/v2/images", image)).toMatchObject(
      complaint(501, expect.stringContaining("stand-in")),
    );
  });
});

describe("lists", () => {
  it("are paginated, with links", async () => {
    for (let index = 0; index < 5; index++) await ask("POST", "/v2/tags", { name: `tag-${index}` });
    const first = await ask("GET", "/v2/tags?per_page=2");
    expect(first.body).toMatchObject({
      tags: [{ name: "tag-0" }, { name: "tag-1" }],
      links: {
        pages: {
          next: "http://api.standin/v2/tags?per_page=2&page=2",
          last: expect.stringContaining("page=3"),
        },
      },
      meta: { total: 5 },
    });
    const last = await ask<{ tags: object[]; links: { pages: object } }>("GET", "/v2/tags?page=3&per_page=2");
    expect(last.body.tags).toHaveLength(1);
    expect(Object.keys(last.body.links.pages)).toEqual(["first", "prev"]);
    expect((await ask("GET", "/v2/tags?per_page=201")).status).toBe(400);
  });

  it("offers regions, sizes and images", async () => {
    api = paperApi(TOKEN, ["regions:read", "sizes:read", "image:read", "account:read"]);
    expect((await ask("GET", "/v2/regions")).body).toMatchObject({ meta: { total: 11 } });
    expect((await ask("GET", "/v2/sizes")).body).toMatchObject({ meta: { total: 9 } });
    expect((await ask("GET", "/v2/images?type=distribution")).body).toMatchObject({
      images: [{ slug: "debian-12-x64" }, { slug: "ubuntu-24-04-x64" }],
    });
    expect((await ask("GET", "/v2/account")).status).toBe(200);
  });
});

describe("keys, tags and VPCs", () => {
  it("accepts a public key once, and finds it by number or fingerprint", async () => {
    const made = await ask<{ ssh_key: { id: number; fingerprint: string } }>("POST", "/v2/account/keys", {
      name: "mine",
      public_key: `${PUBLIC_KEY}\n`,
    });
    expect(made).toMatchObject({ status: 201, body: { ssh_key: { public_key: PUBLIC_KEY } } });
    const { id, fingerprint } = made.body.ssh_key;
    expect(fingerprint).toMatch(/^([0-9a-f]{2}:){15}[0-9a-f]{2}$/);
    expect((await ask("GET", `/v2/account/keys/${fingerprint}`)).body).toEqual(made.body);
    expect(await ask("POST", "/v2/account/keys", { name: "again", public_key: PUBLIC_KEY })).toMatchObject(
      complaint(422, "SSH Key is already in use on your account"),
    );
    expect((await ask("POST", "/v2/account/keys", { name: "none", public_key: "words" })).status).toBe(422);
    expect((await ask("PUT", `/v2/account/keys/${id}`, { name: "ours" })).body).toMatchObject({
      ssh_key: { name: "ours" },
    });
    expect((await ask("DELETE", `/v2/account/keys/${id}`)).status).toBe(204);
    expect((await ask("GET", `/v2/account/keys/${id}`)).status).toBe(404);
  });

  it("accepts a tag twice, counts its resources, and removes it from them when it is deleted", async () => {
    expect((await ask("POST", "/v2/tags", { name: "a" })).status).toBe(201);
    expect((await ask("POST", "/v2/tags", { name: "a" })).status).toBe(201);
    expect((await ask("POST", "/v2/tags", { name: "no spaces" })).status).toBe(422);
    const id = await makeDroplet({ tags: ["a"] });
    expect((await ask("GET", "/v2/tags/a")).body).toMatchObject({
      tag: { resources: { count: 1, droplets: { count: 1 } } },
    });
    const resources = [{ resource_id: String(id), resource_type: "droplet" }];
    await ask("POST", "/v2/tags", { name: "b" });
    expect((await ask("POST", "/v2/tags/b/resources", { resources })).status).toBe(204);
    expect((await ask("DELETE", "/v2/tags/a")).status).toBe(204);
    expect((await ask("GET", `/v2/droplets/${id}`)).body).toMatchObject({ droplet: { tags: ["b"] } });
    expect((await ask("GET", "/v2/tags/a")).status).toBe(404);
  });

  it("rejects VPCs with the same name or overlapping ranges, and deleting one with members", async () => {
    const vpc = { name: "ours", region: "fra1" };
    const made = await ask<{ vpc: { id: string; ip_range: string } }>("POST", "/v2/vpcs", vpc);
    expect(made.status).toBe(201);
    expect((await ask("POST", "/v2/vpcs", vpc)).status).toBe(422);
    const inside = { name: "theirs", region: "fra1", ip_range: made.body.vpc.ip_range };
    expect((await ask("POST", "/v2/vpcs", inside)).status).toBe(422);
    expect((await ask("POST", "/v2/vpcs", { name: "far", region: "moon1" })).status).toBe(422);
    const path = `/v2/vpcs/${made.body.vpc.id}`;
    const droplet = await makeDroplet({ vpc_uuid: made.body.vpc.id });
    expect(await ask("DELETE", path)).toMatchObject(complaint(403, "Can not delete VPC with members"));
    await ask("DELETE", `/v2/droplets/${droplet}`);
    await api.world.settle();
    expect((await ask("PUT", path, { name: "renamed", description: "", default: false })).status).toBe(200);
    expect((await ask("DELETE", path)).status).toBe(204);
  });
});

describe("droplets", () => {
  it("are new at first, and active with an address once they run", async () => {
    await ask("POST", "/v2/account/keys", { name: "mine", public_key: PUBLIC_KEY });
    const [key] = [...api.world.keys.values()];
    const made = await ask<{ droplet: { id: number }; links: { actions: { id: number }[] } }>(
      "POST",
      "/v2/droplets",
      dropletBody({ ssh_keys: [key?.id], tags: ["opencode"], user_data: "#cloud-config\n" }),
    );
    expect(made).toMatchObject({
      status: 202,
      body: {
        droplet: { status: "new", locked: true, networks: { v4: [] }, tags: ["opencode"] },
        links: { actions: [{ rel: "create", href: expect.stringMatching(/\/v2\/actions\/\d+$/) }] },
      },
    });
    await api.world.settle();
    const { body } = await ask("GET", `/v2/droplets/${made.body.droplet.id}`);
    expect(body).toMatchObject({
      droplet: {
        status: "active",
        locked: false,
        size_slug: "s-4vcpu-8gb",
        vcpus: 4,
        features: ["monitoring", "droplet_agent", "private_networking"],
        region: { slug: "fra1" },
        networks: { v4: [{ type: "private" }, { type: "public", ip_address: "198.18.0.10" }] },
      },
    });
    const action = await ask("GET", `/v2/actions/${made.body.links.actions[0]?.id}`);
    expect(action.body).toMatchObject({ action: { status: "completed", type: "create" } });
  });

  it("can have the same name", async () => {
    expect(await makeDroplet()).not.toBe(await makeDroplet());
    expect((await ask("GET", "/v2/droplets?name=opencode-prod")).body).toMatchObject({ meta: { total: 2 } });
  });

  it.each([
    [{ region: "moon1" }, "You specified an invalid region for Droplet creation."],
    [{ size: "s-64vcpu-1tb" }, "You specified an invalid size for Droplet creation."],
    [{ image: "debian-1-x64" }, "You specified an invalid image for Droplet creation."],
    [{ image: "ubuntu-24-04-x64" }, expect.stringContaining("no Ubuntu")],
    [{ ssh_keys: [4711] }, "4711 are invalid key identifiers for Droplet creation."],
    [{ vpc_uuid: "5a4981aa-9653-4bd1-bef5-d6bff52042e4" }, "VPC not found"],
    [{ user_data: "x".repeat(65_537) }, expect.stringContaining("64 KiB")],
    [{ name: "under_score" }, expect.stringContaining("name")],
    [{ monitoring: "yes" }, expect.stringContaining("boolean")],
  ])("are rejected with %o", async (more, message) => {
    expect(await ask("POST", "/v2/droplets", dropletBody(more))).toMatchObject(complaint(422, message));
  });

  it("are only resized while off, with one action at a time", async () => {
    const id = await makeDroplet();
    const act = (body: object) => ask("POST", `/v2/droplets/${id}/actions`, body);
    const resize = { type: "resize", size: "s-8vcpu-16gb", disk: false };
    expect((await act(resize)).status).toBe(422);
    expect((await act({ type: "power_off" })).status).toBe(201);
    expect(await act({ type: "power_on" })).toMatchObject(
      complaint(422, "Droplet already has a pending event."),
    );
    await api.world.settle();
    expect((await act({ type: "power_off" })).body).toMatchObject({
      message: "Droplet is already powered off",
    });
    expect((await act({ type: "shutdown" })).status).toBe(201);
    await api.world.settle();
    expect((await act(resize)).status).toBe(201);
    await api.world.settle();
    expect((await act({ type: "power_on" })).status).toBe(201);
    await api.world.settle();
    expect((await ask("GET", `/v2/droplets/${id}`)).body).toMatchObject({
      droplet: { status: "active", size_slug: "s-8vcpu-16gb", disk: 160 },
    });
    expect((await ask("GET", `/v2/droplets/${id}/actions`)).body).toMatchObject({
      actions: [
        { type: "power_on" },
        { type: "resize" },
        { type: "shutdown" },
        { type: "power_off" },
        { type: "create" },
      ],
    });
    expect((await act({ type: "password_reset" })).status).toBe(501);
  });

  it("no longer exist after their deletion, and their volumes are detached", async () => {
    const [volume, id] = [await makeVolume(), await makeDroplet()];
    await ask("POST", `/v2/volumes/${volume}/actions`, { type: "attach", droplet_id: id });
    await api.world.settle();
    expect((await ask("DELETE", `/v2/droplets/${id}`)).status).toBe(204);
    await api.world.settle();
    expect((await ask("GET", `/v2/droplets/${id}`)).status).toBe(404);
    expect((await ask("GET", `/v2/volumes/${volume}`)).body).toMatchObject({ volume: { droplet_ids: [] } });
  });
});

describe("volumes", () => {
  it("have unique names per region", async () => {
    await makeVolume("data");
    const again = { region: "fra1", name: "data", size_gigabytes: 1 };
    expect((await ask("POST", "/v2/volumes", again)).status).toBe(409);
    expect((await ask("POST", "/v2/volumes", { ...again, region: "ams3" })).status).toBe(201);
    expect((await ask("GET", "/v2/volumes?name=data&region=ams3")).body).toMatchObject({
      meta: { total: 1 },
    });
  });

  it.each([{ region: "moon1" }, { region: "nyc2" }, { name: "Upper" }, { size_gigabytes: 0 }])(
    "are rejected with %o",
    async (more) => {
      const volume = { region: "fra1", name: "data", size_gigabytes: 1, ...more };
      expect((await ask("POST", "/v2/volumes", volume)).status).toBe(422);
    },
  );

  it("are attached to one droplet of their region, which prevents deletion", async () => {
    const [volume, one, two] = [await makeVolume(), await makeDroplet(), await makeDroplet()];
    const far = await makeDroplet({ region: "ams3" });
    const act = (type: string, droplet_id: number) =>
      ask<{ action: { id: number } }>("POST", `/v2/volumes/${volume}/actions`, { type, droplet_id });
    expect((await act("attach", far)).status).toBe(422);
    expect((await act("attach", 4711)).status).toBe(404);
    const attached = await act("attach", one);
    expect(attached).toMatchObject({
      status: 202,
      body: { action: { status: "in-progress", type: "attach_volume" } },
    });
    await api.world.settle();
    const { id } = attached.body.action;
    for (const path of [`/v2/actions/${id}`, `/v2/volumes/${volume}/actions/${id}`])
      expect((await ask("GET", path)).body).toMatchObject({ action: { status: "completed" } });
    expect(await act("attach", two)).toMatchObject(complaint(422, "This volume is already attached"));
    expect(await act("detach", two)).toMatchObject(complaint(422, "Attachment not found"));
    expect(await ask("DELETE", `/v2/volumes/${volume}`)).toMatchObject(
      complaint(409, "attached volume cannot be deleted"),
    );
    expect((await ask("GET", `/v2/droplets/${one}`)).body).toMatchObject({
      droplet: { volume_ids: [volume] },
    });
    await act("detach", one);
    await api.world.settle();
    expect((await ask("DELETE", `/v2/volumes/${volume}`)).status).toBe(204);
  });

  it("can grow, and be created from snapshots", async () => {
    api = paperApi(TOKEN, [
      ...PLATFORM_SCOPES,
      "block_storage_snapshot:create",
      "block_storage_snapshot:delete",
    ]);
    const volume = await makeVolume();
    const resize = (size_gigabytes: number) =>
      ask("POST", `/v2/volumes/${volume}/actions`, { type: "resize", size_gigabytes, region: "fra1" });
    expect((await resize(1)).status).toBe(422);
    expect((await resize(2)).status).toBe(202);
    await api.world.settle();
    const made = await ask<{ snapshot: { id: string } }>("POST", `/v2/volumes/${volume}/snapshots`, {
      name: "s",
    });
    expect(made).toMatchObject({ status: 201, body: { snapshot: { min_disk_size: 2 } } });
    await makeVolume("restored", { snapshot_id: made.body.snapshot.id, size_gigabytes: 3 });
    expect((await ask("GET", `/v2/volumes/${volume}/snapshots`)).body).toMatchObject({ meta: { total: 1 } });
    expect((await ask("GET", `/v2/volumes/snapshots/${made.body.snapshot.id}`)).status).toBe(200);
    expect((await ask("DELETE", `/v2/volumes/snapshots/${made.body.snapshot.id}`)).status).toBe(204);
  });
});

describe("firewalls", () => {
  const rule = (more: object = {}) => ({
    protocol: "tcp",
    ports: "22",
    sources: { addresses: ["192.0.2.0/24"] },
    ...more,
  });
  const outbound = [{ protocol: "icmp", destinations: { addresses: ["0.0.0.0/0", "::/0"] } }];

  it("are created, updated and deleted; all ports are stored as 0", async () => {
    await ask("POST", "/v2/tags", { name: "opencode" });
    const firewall = { name: "ours", inbound_rules: [rule({ ports: "all" })], outbound_rules: outbound };
    const made = await ask<{ firewall: { id: string } }>("POST", "/v2/firewalls", {
      ...firewall,
      droplet_ids: null,
      tags: ["opencode"],
    });
    expect(made).toMatchObject({
      status: 202,
      body: {
        firewall: { tags: ["opencode"], inbound_rules: [{ ports: "0" }], outbound_rules: [{ ports: "0" }] },
      },
    });
    const path = `/v2/firewalls/${made.body.firewall.id}`;
    const closed = {
      name: "ours",
      inbound_rules: null,
      outbound_rules: outbound,
      droplet_ids: null,
      tags: null,
    };
    expect((await ask("PUT", path, closed)).status).toBe(200);
    expect((await ask("GET", path)).body).toMatchObject({
      firewall: { status: "succeeded", inbound_rules: [], tags: [], pending_changes: [] },
    });
    expect((await ask("DELETE", path)).status).toBe(204);
    expect((await ask("GET", path)).status).toBe(404);
  });

  it.each([
    ["without a rule", { inbound_rules: null, outbound_rules: null }],
    ["with an unknown tag", { inbound_rules: [rule()], tags: ["nobody"] }],
    ["with an unknown droplet", { inbound_rules: [rule()], droplet_ids: [4711] }],
    ["with an invalid port", { inbound_rules: [rule({ ports: "70000" })] }],
    ["with an invalid range", { inbound_rules: [rule({ sources: { addresses: ["192.0.2.0/33"] } })] }],
    ["with a rule without addresses", { inbound_rules: [rule({ sources: {} })] }],
    ["with an unknown protocol", { inbound_rules: [rule({ protocol: "gre" })] }],
  ])("are refused %s", async (_, more) => {
    expect((await ask("POST", "/v2/firewalls", { name: "ours", ...more })).status).toBe(422);
  });
});

describe("projects", () => {
  it("contain assigned resources, and can be deleted once empty", async () => {
    const made = await ask<{ project: { id: string } }>("POST", "/v2/projects", {
      name: "opencode",
      description: "",
      purpose: "opencode for a team",
      environment: "",
    });
    expect(made).toMatchObject({ status: 201, body: { project: { purpose: "Other: opencode for a team" } } });
    const path = `/v2/projects/${made.body.project.id}`;
    const urns = [`do:droplet:${await makeDroplet()}`, `do:volume:${await makeVolume()}`];
    expect(
      (await ask("POST", `${path}/resources`, { resources: [...urns, "do:droplet:4711"] })).body,
    ).toMatchObject({
      resources: [{ status: "assigned" }, { status: "assigned" }, { status: "not_found" }],
    });
    expect((await ask("GET", `${path}/resources`)).body).toMatchObject({
      resources: urns.map((urn) => ({ urn })),
    });
    expect(await ask("DELETE", path)).toMatchObject(complaint(412, "cannot delete a project with resources"));
    const { body } = await ask<{ project: { id: string } }>("GET", "/v2/projects/default");
    await ask("POST", `/v2/projects/${body.project.id}/resources`, { resources: urns });
    const update = {
      name: "renamed",
      description: null,
      purpose: "IoT",
      environment: "Production",
      is_default: false,
    };
    expect((await ask("PUT", path, update)).body).toMatchObject({
      project: { name: "renamed", purpose: "IoT" },
    });
    expect((await ask("DELETE", path)).status).toBe(204);
  });
});

describe("faults", () => {
  it("affect the given number of requests", async () => {
    api.faults.inject({ method: "GET", path: /^\/v2\/tags$/, times: 2, kind: "429", retryAfter: 3 });
    api.faults.inject({ path: /^\/v2\/tags$/, kind: "500" });
    const first = await ask("GET", "/v2/tags");
    expect(first.status).toBe(429);
    expect(first.headers.get("retry-after")).toBe("3");
    expect((await ask("GET", "/v2/tags")).status).toBe(429);
    expect((await ask("GET", "/v2/tags")).status).toBe(500);
    expect((await ask("GET", "/v2/tags")).status).toBe(200);
    expect(api.faults.shown).toEqual(["429 GET /v2/tags", "429 GET /v2/tags", "500 GET /v2/tags"]);
  });

  it("hang before or after the call is carried out", async () => {
    api.faults.inject({ method: "POST", path: /\/tags$/, kind: "hang-before" });
    const before = ask("POST", "/v2/tags", { name: "before" });
    api.faults.inject({ method: "POST", path: /\/tags$/, kind: "hang-after" });
    const after = ask("POST", "/v2/tags", { name: "after" });
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect([...api.world.tags]).toEqual(["after"]);
    api.faults.release();
    await Promise.all([before, after]);
    expect([...api.world.tags]).toEqual(["after"]);
  });

  it("close a hanging connection after a while, without a response", async () => {
    const server = createAdaptorServer({ fetch: makeApp(api).fetch }) as Server;
    const { port, close } = await listen(server, { host: "127.0.0.1" });
    api.faults.inject({ path: /\/tags$/, kind: "hang-after", holdMs: 100 });
    const headers = { authorization: `Bearer ${TOKEN}` };
    const init = { method: "POST", headers, body: JSON.stringify({ name: "kept" }) };
    await expect(fetch(`http://127.0.0.1:${port}/v2/tags`, init)).rejects.toThrow("fetch failed");
    expect([...api.world.tags]).toEqual(["kept"]);
    expect((await fetch(`http://127.0.0.1:${port}/v2/tags`, init)).status).toBe(201);
    await close();
  });
});
