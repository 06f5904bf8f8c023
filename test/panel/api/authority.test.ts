/** Rights: they end when they are taken, are judged where the file is edited, and are as a team lives them. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createAdaptorServer } from "@hono/node-server";
import { afterEach, describe, expect, it, vi } from "vitest";
import { parse } from "yaml";
import { localAddresses } from "../../../panel/server/access/guard.ts";
import { authorityOf } from "../../../panel/server/access/read-authority.ts";
import { HttpProblem } from "../../../panel/server/api/problem.ts";
import type { Overview } from "../../../panel/server/api/schema.ts";
import type { Entry, Person } from "../../../panel/server/platform/types.ts";
import { ADMIN, FILE, MACHINE, MEMBER, OWNER, World } from "../../support/panel/api-world.ts";

const KIM: Person = { email: "kim@example.com", kind: "person", admin: false };
const team = (world: World, over: Partial<World["authority"]> = {}) => {
  const defaults = { accessEmails: [KIM.email], accessEmailDomains: [] };
  world.authority = { admins: [ADMIN.email], defaults, create: "everyone", ...over };
};
const as = (world: World, person: Person, method: string, path: string, body?: object) => {
  world.person = person;
  const headers = { "if-match": `"${world.parts.file.read().version}"` };
  return world.ask(method, `/api/projects${path}`, { ...(body ? { body } : {}), headers });
};
const statusOf = async (...asked: Parameters<typeof as>) => (await as(...asked)).status;
const entries = (world: World): Entry[] => (parse(world.operations.text) as { projects: Entry[] }).projects;

describe("authority that was taken", () => {
  it("counts at the next request: an admin who was taken off the list is none any more", async () => {
    const world = new World();
    const demoted = { ...ADMIN, admin: false };
    team(world, { admins: [], defaults: { accessEmails: [ADMIN.email], accessEmailDomains: [] } });
    expect(await statusOf(world, demoted, "DELETE", "/web-shop")).toBe(404);
    // Even if the request was identified while the person was still one.
    expect(await statusOf(world, ADMIN, "DELETE", "/web-shop")).toBe(404);
    expect(world.operations.text).toBe(FILE);
  });

  it("is read from the stack's file each time, and what is invalid allows nothing", () => {
    const folder = mkdtempSync(join(tmpdir(), "panel-api-"));
    const write = (text: string) => writeFileSync(join(folder, "Pulumi.local.yaml"), text);
    const authority = authorityOf(folder, "local");
    expect(authority()).toMatchObject({ admins: [], create: "everyone" });
    write("config:\n  opencode-platform:panel: { admins: [ann@example.com], create: admins }\n");
    expect(authority()).toMatchObject({ admins: ["ann@example.com"], create: "admins" });
    write("config:\n  opencode-platform:panel: { admins: [] }\n");
    expect(authority().admins).toEqual([]);
    write("config:\n  opencode-platform:panel: { admins: nobody }\n");
    expect(authority).toThrow(HttpProblem);
    rmSync(folder, { recursive: true });
  });

  it("is taken from somebody whom no list admits any more", async () => {
    const world = new World();
    expect(await statusOf(world, MEMBER, "GET", "")).toBe(200);
    world.operations.text = FILE.replace("ben@example.com, ", "");
    const refused = await as(world, MEMBER, "GET", "");
    expect([refused.status, await refused.text()]).toEqual([
      403,
      expect.stringContaining("does not admit you"),
    ]);
    expect(world.acts.at(-1)).toMatchObject({
      outcome: "refused",
      status: 403,
      who: { email: MEMBER.email },
    });
  });
});

describe("an open stream", () => {
  let server: Server | undefined;
  afterEach(() => {
    server?.closeAllConnections();
    server?.close();
  });

  /** Opens streams of a log that never ends, of the list and of an operation, over real HTTP. */
  async function open(person: Person) {
    const listening = createAdaptorServer({ fetch: (...args) => world.app.fetch(...args) }) as Server;
    server = listening;
    await new Promise<void>((resolve) => listening.listen(0, "127.0.0.1", resolve));
    const { port } = listening.address() as AddressInfo;
    const hosts = [port, 4090].flatMap((each) => localAddresses(each).hosts);
    const world: World = new World({
      addresses: { hosts, origins: [] },
      logs: {
        last: async () => [],
        async *follow(project, _, signal) {
          yield { at: "2026-01-01T00:00:00Z", stream: "stdout", text: project };
          await new Promise((resolve) => signal.addEventListener("abort", resolve));
        },
      },
    });
    await as(world, ADMIN, "POST", "/web-shop/stop");
    world.operations.events = async function* () {
      yield { id: 1, event: "message", data: { severity: "info", text: "working" } };
      await new Promise(() => {});
    };
    world.person = person;
    const paths = [
      "/api/projects/web-shop/logs?follow=1",
      "/api/projects/events",
      "/api/operations/op1/events",
    ];
    const streams = await Promise.all(
      paths.map(async (path) => {
        const response = await fetch(`http://127.0.0.1:${port}${path}`);
        expect(response.status, path).toBe(200);
        const reader = (response.body as ReadableStream<Uint8Array>).getReader();
        await reader.read();
        return reader;
      }),
    );
    const ends = streams.map(async (reader) => {
      while (!(await reader.read()).done);
    });
    const ended = Promise.all(ends);
    // Cut at the end of a test in which some go on.
    ended.catch(() => {});
    return { world, ended };
  }

  it("ends when its reader's sign-in does", async () => {
    const { world, ended } = await open({ ...MEMBER, expiresAt: Date.now() + 1500 });
    await ended;
    expect(world.streams.count).toBe(0);
  });

  it("ends when its reader is taken off the project", async () => {
    const { world, ended } = await open(MEMBER);
    expect(world.streams.count).toBe(3);
    world.operations.text = FILE.replace("ben@example.com, ", "");
    await ended;
    expect(world.streams.count).toBe(0);
  });

  it("shows an admin who is none any more only what is theirs", async () => {
    const { world } = await open(ADMIN);
    team(world, { admins: [], defaults: { accessEmails: [ADMIN.email], accessEmailDomains: [] } });
    // The log ends. The list goes on without that project, and so does the operation that they began themselves.
    await vi.waitFor(() => expect(world.streams.count).toBe(2), { timeout: 10_000 });
  });
});

describe("the edit under the lock", () => {
  /** Has something happen after the request was checked, and before its edit. */
  function between(world: World, happens: () => void): void {
    const submit = world.operations.submit.bind(world.operations);
    world.operations.submit = (request) => {
      happens();
      return submit(request);
    };
  }
  const acts: [method: string, path: string, body?: object][] = [
    ["POST", "/web-shop/stop"],
    ["POST", "/web-shop/start"],
    ["DELETE", "/web-shop"],
    ["POST", "/web-shop/rollback", { release: "1.18.30" }],
  ];

  it.each(acts)("%s %s is not done for somebody who was taken off meanwhile", async (method, path, body) => {
    const world = new World();
    world.copies.set("web-shop", { release: "1.18.30", madeAt: 0 });
    let left = "";
    between(world, () => {
      left = FILE.replace(", olga@example.com]", "]").replace("    owners: [olga@example.com]\n", "");
      world.operations.text = left;
    });
    world.person = OWNER;
    const response = await world.ask(method, `/api/projects${path}`, body ? { body } : {});
    expect(response.status).toBe(404);
    expect([world.operations.text, world.controlled]).toEqual([left, []]);
  });

  it("does not make more projects for a person than they may own", async () => {
    const world = new World();
    team(world);
    world.operations.text = `limits: { perPerson: 1 }\n${FILE}`;
    between(world, () => {
      world.operations.text += `  - name: first\n    owners: [${KIM.email}]\n`;
    });
    world.person = KIM;
    const response = await world.ask("POST", "/api/projects", { body: { name: "second" } });
    expect([response.status, await response.text()]).toEqual([
      403,
      expect.stringContaining("limits.perPerson"),
    ]);
    expect(world.operations.text).not.toContain("second");
  });

  it("does not bring back resources that an admin has changed since", async () => {
    const world = new World();
    world.operations.text = FILE.replace("    owners:", "    resources: { memory: 8GiB }\n    owners:");
    world.person = OWNER;
    const { version } = world.parts.file.read();
    const body = { branch: "main", resources: { memory: "8GiB" } };
    const response = await world.ask("PATCH", "/api/projects/web-shop", {
      body,
      headers: { "if-match": `"${version}"` },
    });
    expect(response.status).toBe(202);
    expect(world.operations.requests[0]?.edit).toEqual({
      kind: "change",
      name: "web-shop",
      values: { branch: "main" },
    });
    expect(world.operations.requests[0]?.version).toBe(version);
  });

  it("of a person who is no admin says which version it was made from", async () => {
    const world = new World();
    const change = (headers = {}) =>
      world.ask("PATCH", "/api/projects/web-shop", { body: { branch: "main" }, headers });
    world.person = OWNER;
    expect((await change()).status).toBe(428);
    expect((await change({ "if-match": "*" })).status).toBe(428);
    expect((await change({ "if-match": '"stale"' })).status).toBe(409);
    world.person = ADMIN;
    expect((await change()).status).toBe(202);
  });
});

describe("roles", () => {
  it("let whoever the stack admits create a project with the default resources, and own it", async () => {
    const world = new World();
    team(world);
    expect(await statusOf(world, KIM, "POST", "", { name: "mine" })).toBe(202);
    expect(entries(world).at(-1)).toEqual({ name: "mine", owners: [KIM.email] });
    const { projects, me } = (await (await as(world, KIM, "GET", "")).json()) as Overview;
    expect(me.create).toBe(true);
    expect(projects.map(({ name, role }) => [name, role])).toEqual([["mine", "owner"]]);
    for (const body of [
      { name: "big", resources: { memory: "8GiB" } },
      { name: "given", owners: [MEMBER.email] },
      { name: "open", members: ["guest@elsewhere.example"] },
    ])
      expect(await statusOf(world, KIM, "POST", "", body), body.name).toBe(403);
    world.secrets.add("SHARED");
    expect(await statusOf(world, KIM, "POST", "", { name: "spy", secrets: ["SHARED"] })).toBe(403);
    expect(entries(world)).toHaveLength(3);
  });

  it("let nobody create who is only a guest of a project, nor more than three, nor where admins do it", async () => {
    const world = new World();
    team(world);
    expect(await statusOf(world, MEMBER, "POST", "", { name: "guest" })).toBe(403);
    expect(await statusOf(world, MACHINE, "POST", "", { name: "machine" })).toBe(403);
    for (const name of ["one", "two", "three"])
      expect(await statusOf(world, KIM, "POST", "", { name })).toBe(202);
    expect(await statusOf(world, KIM, "POST", "", { name: "four" })).toBe(403);
    expect(await statusOf(world, ADMIN, "POST", "", { name: "four", owners: [KIM.email] })).toBe(202);
    team(world, { create: "admins" });
    world.operations.text = FILE;
    expect(await statusOf(world, KIM, "POST", "", { name: "one" })).toBe(403);
    expect(((await (await as(world, OWNER, "GET", "")).json()) as Overview).me.create).toBe(false);
  });

  it.each<[Person, Record<string, number>]>([
    [ADMIN, { logs: 200, start: 202, stop: 202, change: 202, delete: 202 }],
    [OWNER, { logs: 200, start: 202, stop: 202, change: 202, delete: 202 }],
    [MEMBER, { logs: 200, start: 202, stop: 202, change: 403, delete: 403 }],
    [MACHINE, { logs: 200, start: 403, stop: 403, change: 403, delete: 403 }],
  ])("of %j decide what is done to a project", async (person, expected) => {
    const asked: Record<string, [string, string, object?]> = {
      logs: ["GET", "/web-shop/logs"],
      stop: ["POST", "/web-shop/stop"],
      start: ["POST", "/web-shop/start"],
      change: ["PATCH", "/web-shop", { branch: "main" }],
      delete: ["DELETE", "/web-shop"],
    };
    for (const [act, status] of Object.entries(expected)) {
      const world = new World();
      const [method, path, body] = asked[act] ?? ["", ""];
      expect(await statusOf(world, person, method, path, body), act).toBe(status);
    }
  });

  it("of an owner are nothing without being admitted", async () => {
    const world = new World();
    team(world);
    world.operations.text += `  - name: mine\n    owners: [${KIM.email}]\n    members: [zoe@example.com]\n`;
    expect(await statusOf(world, KIM, "POST", "/mine/stop")).toBe(202);
    team(world, { defaults: { accessEmails: [], accessEmailDomains: [] } });
    expect(await statusOf(world, KIM, "POST", "/mine/stop")).toBe(403);
    expect(await statusOf(world, KIM, "DELETE", "/mine")).toBe(403);
  });
});
