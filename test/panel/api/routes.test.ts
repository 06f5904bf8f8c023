import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { OPENCODE } from "../../../config/versions.ts";
import type { Overview } from "../../../panel/server/api/schema.ts";
import {
  ADMIN,
  container,
  eventsIn,
  FILE,
  MACHINE,
  MEMBER,
  OWNER,
  STRANGER,
  World,
} from "../../support/panel/api-world.ts";

const overviewOf = async (world: World) =>
  (await (await world.ask("GET", "/api/projects")).json()) as Overview;

describe("the list", () => {
  it("has each project's state, URLs and entry as written", async () => {
    const world = new World();
    world.containers.put(container("web-shop"));
    const response = await world.ask("GET", "/api/projects");
    const { version, me, stack, projects } = (await response.json()) as Overview;
    expect(response.headers.get("etag")).toBe(`"${version}"`);
    expect({ me, stack }).toEqual({ me: { ...ADMIN, create: true, secrets: true }, stack: "local" });
    expect(projects).toEqual([
      {
        name: "web-shop",
        state: "running",
        url: "http://web-shop.localhost:4080/",
        attach: "opencode attach http://localhost:4080/p/web-shop",
        hasSetup: false,
        ports: [],
        listening: [],
        repo: "https://example.com/web-shop.git",
        release: OPENCODE,
        members: ["ben@example.com", "olga@example.com"],
        owners: ["olga@example.com"],
        role: "admin",
        entry: {
          name: "web-shop",
          repo: "https://example.com/web-shop.git",
          members: ["shop"],
          owners: ["olga@example.com"],
        },
      },
      expect.objectContaining({ name: "secret-plan", state: "pending", members: ["zoe@example.com"] }),
    ]);
  });

  it("has usage, last activity and the running operation", async () => {
    const world = new World({
      usage: {
        of: () => ({ memory: { used: 1, limit: 2 }, cpu: { used: 0.5, limit: 1 } }),
        listen: () => () => {},
        settled: async () => {},
      },
      activity: { of: () => "2026-01-01T00:00:00.000Z" },
    });
    await world.ask("POST", "/api/projects/web-shop/start");
    expect((await overviewOf(world)).projects[0]).toMatchObject({
      memory: { used: 1, limit: 2 },
      cpu: { used: 0.5, limit: 1 },
      lastActivity: "2026-01-01T00:00:00.000Z",
      operation: "op1",
    });
  });

  it("shows members their own projects, machines all, and refuses strangers", async () => {
    const world = new World();
    const seen = async (person: typeof ADMIN) => {
      world.person = person;
      return (await overviewOf(world)).projects.map(({ name }) => name);
    };
    expect(await seen(MEMBER)).toEqual(["web-shop"]);
    expect(await seen(MACHINE)).toEqual(["web-shop", "secret-plan"]);
    world.person = STRANGER;
    expect((await world.ask("GET", "/api/projects")).status).toBe(403);
  });

  it("keeps the last valid file while it is invalid, and answers 503 without one", async () => {
    const world = new World();
    await overviewOf(world);
    world.operations.text = "projects: [{ name: Bad }]\n";
    expect((await overviewOf(world)).projects).toHaveLength(2);
    const other = new World();
    other.operations.text = "projects: [{ name: Bad }]\n";
    expect((await other.ask("GET", "/api/projects")).status).toBe(503);
  });

  it("is sent again when a container changes, until the panel stops", async () => {
    const world = new World();
    const response = await world.ask("GET", "/api/projects/events");
    expect(response.headers.get("content-type")).toMatch(/^text\/event-stream/);
    expect(response.headers.get("x-accel-buffering")).toBe("no");
    const reader = (response.body as ReadableStream<Uint8Array>)
      .pipeThrough(new TextDecoderStream())
      .getReader();
    let text = "";
    const readUntil = async (wanted: string) => {
      while (!text.includes(wanted)) text += (await reader.read()).value ?? "";
    };
    await readUntil('"state":"pending"');
    world.containers.put(container("web-shop", { health: "unhealthy", healthLine: "not serving" }));
    await readUntil('"state":"unhealthy"');
    expect(eventsIn(text).at(-1)?.data.projects[0]).toMatchObject({ reason: "not serving" });
    world.containers.put(container("web-shop"));
    const service = { project: "web-shop", name: "db" };
    const db = { name: "papi-service-web-shop.db", project: "", service };
    world.containers.put(container("", { ...db, health: "unhealthy", healthLine: "no response" }));
    await readUntil("service db is unhealthy: no response");
    expect(eventsIn(text).at(-1)?.data.projects[0]).toMatchObject({ state: "running" });
    expect(world.streams.count).toBe(1);
    world.streams.close();
    while (!(await reader.read()).done);
    expect([world.streams.count, world.containers.listeners.size]).toEqual([0, 0]);
  });

  it("is compressed if accepted", async () => {
    const world = new World();
    const response = await world.ask("GET", "/api/projects", { headers: { "accept-encoding": "gzip" } });
    expect(response.headers.get("content-encoding")).toBe("gzip");
    expect(gunzipSync(await response.arrayBuffer()).toString()).toContain("web-shop");
  });
});

describe("creating", () => {
  it("adds the entry, keeps the rest of the file, and passes the secrets on", async () => {
    const world = new World();
    const body = { name: "billing", secrets: ["TOKEN"], secretValues: { TOKEN: "t0p-secret" } };
    const response = await world.ask("POST", "/api/projects", { body });
    expect(response.status).toBe(202);
    expect(response.headers.get("location")).toBe("/api/operations/op1");
    expect(await response.json()).toMatchObject({ operation: { id: "op1", what: "create billing" } });
    expect(world.operations.text).toContain("# the shop");
    expect(world.operations.requests[0]).toMatchObject({
      edit: { kind: "add", entry: { name: "billing", secrets: ["TOKEN"] } },
      secrets: { TOKEN: "t0p-secret" },
    });
    expect(world.acts).toEqual([
      expect.objectContaining({
        act: "create",
        project: "billing",
        outcome: "accepted",
        status: 202,
        operation: "op1",
        detail: "keys: name, secrets; secrets: TOKEN",
        who: { email: "ann@example.com", kind: "person" },
        request: response.headers.get("x-request-id"),
      }),
    ]);
    expect(JSON.stringify(world.acts)).not.toContain("t0p-secret");
  });

  it("reports all problems by field, with the messages of projects.yaml's check", async () => {
    const world = new World();
    const body = {
      name: "Web Shop",
      resources: { memory: "4 bananas" },
      secrets: ["TOKEN"],
      secretValues: { OTHER: "v4lue" },
      port: 80,
    };
    const response = await world.ask("POST", "/api/projects", { body });
    expect(response.status).toBe(422);
    expect(response.headers.get("content-type")).toBe("application/problem+json");
    const problem = (await response.json()) as { errors: object[]; instance: string };
    expect(problem).toMatchObject({ status: 422, instance: response.headers.get("x-request-id") });
    expect(problem.errors).toEqual([
      expect.objectContaining({ path: "name", message: expect.stringMatching(/e\.g\. web-shop/) }),
      { path: "resources.memory", message: '"4 bananas" is not a size (e.g. 512MiB, 4GiB)' },
      expect.objectContaining({ path: "port", message: expect.stringContaining("write ports: [3000]") }),
      { path: "secretValues.OTHER", message: "OTHER is not in this entry's secrets" },
    ]);
    expect(JSON.stringify(problem)).not.toContain("v4lue");
    expect(world.operations.requests).toEqual([]);
  });

  it("checks against the whole file", async () => {
    const world = new World();
    const response = await world.ask("POST", "/api/projects", {
      body: { name: "web-shop", members: ["ops"] },
    });
    expect(((await response.json()) as { errors: object[] }).errors).toEqual([
      { path: "name", message: '"web-shop" is already used by projects[0] in line 5' },
      expect.objectContaining({ path: "members[0]", message: 'group "ops" not found' }),
    ]);
  });

  it.each([
    ["invalid JSON", "{", 400],
    ["no body", "", 400],
    ["a list", "[]", 422],
    ["secrets that are not strings", '{"name":"a1","secretValues":{"A":1}}', 422],
    [
      "a body nested too deeply",
      `{"name":"a1","opencode":{"config":{"a":${"[".repeat(50)}${"]".repeat(50)}}}}`,
      400,
    ],
    ["more than 64 KiB", JSON.stringify({ name: "x".repeat(70_000) }), 413],
  ])("refuses %s", async (_, body, status) => {
    const world = new World();
    expect((await world.ask("POST", "/api/projects", { body })).status).toBe(status);
    expect(world.defects).toEqual([]);
  });

  it("is allowed for admins only, if the settings say so", async () => {
    const world = new World();
    world.authority = {
      admins: [ADMIN.email],
      defaults: { accessEmails: [], accessEmailDomains: ["example.com"] },
      create: "admins",
    };
    for (world.person of [MEMBER, MACHINE, STRANGER])
      expect((await world.ask("POST", "/api/projects", { body: { name: "mine" } })).status).toBe(403);
    expect(world.acts.map(({ outcome, status }) => `${outcome} ${status}`)).toEqual(
      Array(3).fill("refused 403"),
    );
  });

  it("rejects a stale version", async () => {
    const world = new World();
    const { version } = await overviewOf(world);
    world.operations.text += "# an editor was here\n";
    const headers = { "if-match": `W/"${version}"` };
    const response = await world.ask("POST", "/api/projects", { body: { name: "late" }, headers });
    expect(response.status).toBe(409);
    const again = { "if-match": `"${(await overviewOf(world)).version}"` };
    expect(
      (await world.ask("POST", "/api/projects", { body: { name: "late" }, headers: again })).status,
    ).toBe(202);
  });
});

describe("changing", () => {
  it("changes keys, and removes those that are null", async () => {
    const world = new World();
    const body = { repo: null, env: { LOG_LEVEL: "debug" } };
    expect((await world.ask("PATCH", "/api/projects/web-shop", { body })).status).toBe(202);
    expect(world.operations.text).not.toContain("repo:");
    expect(world.operations.text).toContain("LOG_LEVEL: debug");
  });

  it("refuses another name, and an unknown project", async () => {
    const world = new World();
    const renamed = await world.ask("PATCH", "/api/projects/web-shop", { body: { name: "shop" } });
    expect([renamed.status, await renamed.json()]).toEqual([
      422,
      expect.objectContaining({ errors: [expect.objectContaining({ path: "name" })] }),
    ]);
    expect((await world.ask("PATCH", "/api/projects/nothing", { body: {} })).status).toBe(404);
    expect((await world.ask("PATCH", "/api/projects/NOT%20A%20NAME", { body: {} })).status).toBe(404);
  });

  it("lets an owner change keys except those of admins, shared secrets and guests", async () => {
    const world = new World();
    world.person = OWNER;
    const change = async (body: object) => {
      const headers = { "if-match": `"${(await overviewOf(world)).version}"` };
      return world.ask("PATCH", "/api/projects/web-shop", { body, headers });
    };
    expect((await change({ branch: "main" })).status).toBe(202);
    expect((await change({ secrets: ["OWN"], secretValues: { OWN: "v" } })).status).toBe(202);
    world.secrets.add("SHARED").add("OWN");
    const refused = await change({
      members: ["ben@example.com", "eve@example.com"],
      resources: { memory: "8GiB" },
      services: { db: { image: "postgres:17" } },
      owners: ["olga@example.com", "ben@example.com"],
      network: { allow: ["internet", "host:22"] },
      machines: true,
      trust: "always",
      image: "python:3",
      packages: ["golang"],
      opencode: { enforce: { permission: { bash: "allow" } } },
      secrets: ["OWN", "SHARED"],
    });
    expect(refused.status).toBe(403);
    expect(((await refused.json()) as { errors: { path: string }[] }).errors.map(({ path }) => path)).toEqual(
      [
        ...["resources", "network", "services", "owners", "machines", "trust", "image", "opencode.enforce"],
        ...["secrets[1]", "members[0]", "members[1]"],
      ],
    );
    expect((await change({ members: ["shop"], resources: null, owners: ["olga@example.com"] })).status).toBe(
      202,
    );
    expect((await change({ opencode: { model: "a/b" } })).status).toBe(202);
    world.authority = {
      ...world.authority,
      defaults: { accessEmails: ["kim@example.com"], accessEmailDomains: [] },
    };
    expect((await change({ members: ["shop", "kim@example.com"] })).status).toBe(202);
  });
});

describe("starting, stopping, deleting", () => {
  it("starts and stops at once, and records it", async () => {
    const world = new World();
    expect((await world.ask("POST", "/api/projects/web-shop/stop")).status).toBe(202);
    expect(world.operations.text).toContain("state: stopped\n  - name: secret-plan");
    expect((await world.ask("POST", "/api/projects/web-shop/start")).status).toBe(202);
    expect(world.controlled).toEqual(["stop web-shop", "start web-shop"]);
    expect(world.operations.text).toBe(FILE);
  });

  it("reports a failure of Docker, and records nothing", async () => {
    const fails = async () => Promise.reject(Object.assign(new Error("http"), { reason: "no space" }));
    const world = new World({ control: { start: fails, stop: fails } });
    const response = await world.ask("POST", "/api/projects/web-shop/stop");
    expect([response.status, await response.json()]).toEqual([
      503,
      expect.objectContaining({ detail: "Docker could not stop web-shop: no space" }),
    ]);
    expect(world.operations.text).toBe(FILE);
  });

  it("removes the entry and keeps the workspace", async () => {
    const world = new World();
    expect((await world.ask("DELETE", "/api/projects/web-shop")).status).toBe(202);
    expect(world.operations.text).not.toContain("web-shop.git");
    expect(world.operations.requests[0]?.afterwards).toBeUndefined();
  });

  it("deletes the workspace after the update, if confirmed by name", async () => {
    const world = new World();
    const path = "/api/projects/web-shop?workspace=delete";
    for (const wrong of [path, `${path}&confirm=web`])
      expect((await world.ask("DELETE", wrong)).status).toBe(422);
    expect((await world.ask("DELETE", `${path}&confirm=web-shop`)).status).toBe(202);
    expect(world.deleted).toEqual([]);
    await world.operations.requests[0]?.afterwards?.(
      () => {},
      (work) => work(),
    );
    expect(world.deleted).toEqual(["web-shop"]);
    expect(world.acts.at(-1)).toMatchObject({ act: "delete", detail: "with workspace" });
  });

  it("hides other people's projects from a member on all routes", async () => {
    const world = new World();
    world.person = MEMBER;
    const name = "secret-plan";
    const asked = await Promise.all([
      world.ask("PATCH", `/api/projects/${name}`, { body: { branch: "x" } }),
      world.ask("DELETE", `/api/projects/${name}`),
      world.ask("POST", `/api/projects/${name}/start`),
      world.ask("POST", `/api/projects/${name}/stop`),
      world.ask("GET", `/api/projects/${name}/logs`),
      world.ask("GET", `/api/projects/${name}/logs?follow=1`),
      world.ask("POST", "/api/projects/check", { body: { entry: { name }, replaces: name } }),
    ]);
    expect(asked.map(({ status }) => status)).toEqual(Array(7).fill(404));
    expect(world.controlled).toEqual([]);
    world.person = MACHINE;
    expect((await world.ask("POST", `/api/projects/${name}/start`)).status).toBe(403);
  });
});
