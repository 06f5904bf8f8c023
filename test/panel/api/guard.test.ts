import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openAudit } from "../../../panel/server/access/audit.ts";
import { localAddresses, publicAddresses } from "../../../panel/server/access/guard.ts";
import { adminOnlyChanges, isHiddenFrom, visibilityFor } from "../../../panel/server/access/permissions.ts";
import { readServerSettings } from "../../../panel/server/settings.ts";
import { complaints } from "../../support/complaints.ts";
import { STRANGER, World } from "../../support/panel/api-world.ts";

const status = async (world: World, method: string, path: string, headers: Record<string, string>) =>
  (await world.ask(method, path, { headers, ...(method === "POST" ? { body: {} } : {}) })).status;

const START = "/api/projects/web-shop/start";

describe("the guard", () => {
  it.each([
    ["127.0.0.1:4090", 200],
    ["localhost:4090", 200],
    ["LOCALHOST:4090", 200],
    ["[::1]:4090", 200],
    ["localhost", 421],
    ["localhost:4091", 421],
    ["evil.example:4090", 421],
    ["127.0.0.1.evil.example:4090", 421],
    ["", 421],
  ])("accepts only the panel's own hosts: %s → %i", async (host, expected) => {
    expect(await status(new World(), "GET", "/api/projects", { host })).toBe(expected);
  });

  it.each([
    [{}, 202],
    [{ origin: "http://127.0.0.1:4090", "sec-fetch-site": "same-origin" }, 202],
    [{ "sec-fetch-site": "none" }, 202],
    [{ origin: "http://web-shop.localhost:4080" }, 403],
    [{ origin: "http://127.0.0.1:4091" }, 403],
    [{ origin: "https://127.0.0.1:4090" }, 403],
    [{ origin: "null" }, 403],
    [{ "sec-fetch-site": "cross-site" }, 403],
    [{ "sec-fetch-site": "same-site" }, 403],
    [{ origin: "http://127.0.0.1:4090", "sec-fetch-site": "cross-site" }, 403],
  ])("refuses changes from other sites: %o → %i", async (headers: Record<string, string>, expected) => {
    const world = new World();
    expect(await status(world, "POST", START, headers)).toBe(expected);
    expect(world.controlled).toHaveLength(expected === 202 ? 1 : 0);
    expect(world.acts).toHaveLength(1);
  });

  it.each(["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""])(
    "accepts only JSON, not %s",
    async (type) => {
      const headers = { "content-type": type };
      expect((await new World().ask("POST", "/api/projects", { body: "{}", headers })).status).toBe(415);
    },
  );

  it("refuses reads from other sites, for which a browser sends cookies", async () => {
    const world = new World();
    for (const path of ["/api/projects", "/api/projects/events", "/api/projects/web-shop/logs?follow=1"])
      for (const site of ["cross-site", "same-site"])
        expect(await status(world, "GET", path, { "sec-fetch-site": site })).toBe(403);
    expect(world.streams.count).toBe(0);
  });

  it("allows links from other sites to the page", async () => {
    expect(await status(new World(), "GET", "/", { "sec-fetch-site": "cross-site" })).toBe(404); // no page in this world
  });

  it("accepts only the hostname of a droplet's panel", async () => {
    const world = new World({ addresses: publicAddresses("code.example.com") });
    const host = "code.example.com";
    expect(await status(world, "POST", START, { host, origin: "https://code.example.com" })).toBe(202);
    expect(await status(world, "POST", START, { host, origin: "https://shop-code.example.com" })).toBe(403);
    expect(await status(world, "POST", START, { host, origin: "http://code.example.com" })).toBe(403);
    expect(await status(world, "GET", "/api/projects", { host: "127.0.0.1:4090" })).toBe(421);
    expect(await status(world, "GET", "/ping", { host: "127.0.0.1:4090" })).toBe(200);
    expect(localAddresses(80).hosts).toContain("127.0.0.1");
  });
});

it("only an admin has a project built on what its repository says", () => {
  const authority = {
    admins: [],
    create: "everyone",
    defaults: { accessEmails: [], accessEmailDomains: [] },
  } as const;
  const refused = (person: typeof STRANGER, before: object) =>
    adminOnlyChanges(person, before, { devcontainer: true }, [], authority).map(({ path }) => path);
  expect(refused(STRANGER, {})).toEqual(["devcontainer"]);
  expect(refused(STRANGER, { devcontainer: true })).toEqual([]);
  expect(refused({ ...STRANGER, admin: true }, {})).toEqual([]);
});

describe("visibility", () => {
  const project = (name: string, ...members: string[]) => ({ name, members }) as never;

  it("covers one's own projects, and those without members for people of the stack's access list", () => {
    const projects = [
      project("mine", "eve@example.com"),
      project("theirs", "zoe@example.com"),
      project("open"),
    ];
    const admins = { admins: [], create: "everyone" } as const;
    const nobody = { ...admins, defaults: { accessEmails: [], accessEmailDomains: [] } };
    expect(visibilityFor(STRANGER, projects, nobody).visible).toEqual(["mine"]);
    const team = { ...admins, defaults: { accessEmails: [], accessEmailDomains: ["example.com"] } };
    expect(visibilityFor(STRANGER, projects, team)).toEqual({
      visible: ["mine", "open"],
      hidden: ["theirs"],
    });
  });

  it.each([
    ["web-container", ["web"], ["web-shop"], false],
    ["web-shop-container", ["web"], ["web-shop"], true],
    ["web-shop-container", ["web-shop"], ["web"], false],
    ["web-container", ["web-shop"], ["web"], true],
    ["image", ["web"], ["shop"], false],
    ["opencode-project-shop", ["web"], ["shop"], true],
  ])("hides an event about %s with %j visible and %j hidden: %s", (name, visible, hidden, expected) => {
    const data = { op: "create", type: "t", name, urn: "u", status: "done" as const };
    expect(isHiddenFrom({ id: 1, event: "progress", data }, { visible, hidden })).toBe(expected);
  });
});

describe("the audit log", () => {
  it("appends whole lines to a file of mode 0600", async () => {
    const folder = mkdtempSync(join(tmpdir(), "panel-api-"));
    const file = join(folder, "deep", "audit.jsonl");
    const act = {
      who: { email: "a@b.c", kind: "person" as const },
      act: "stop",
      outcome: "accepted" as const,
    };
    for (const request of ["1", "2"]) {
      const audit = openAudit(file, { now: () => new Date(0) });
      await Promise.all(
        [1, 2, 3].map((n) => audit.record({ request: `${request}${n}`, ...act, status: 202 })),
      );
      audit.close();
      audit.close();
      await expect(audit.record({ request: "late", ...act, status: 202 })).rejects.toThrow("closed");
    }
    const lines = readFileSync(file, "utf8")
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(lines.map(({ request }) => request).sort()).toEqual(["11", "12", "13", "21", "22", "23"]);
    expect(lines[0]).toMatchObject({
      at: "1970-01-01T00:00:00.000Z",
      who: "a@b.c",
      kind: "person",
      act: "stop",
    });
    expect(statSync(file).mode & 0o777).toBe(0o600);
    rmSync(folder, { recursive: true });
  });
});

describe("settings", () => {
  const panel = {
    enabled: true,
    port: 4090,
    admins: ["ann@example.com"],
    create: "everyone" as const,
    apply: "here" as const,
    machines: false,
    git: undefined,
    idleDays: 7,
  };

  it("come from the stack on this machine", () => {
    expect(readServerSettings({ panel }, true, {})).toEqual({
      port: 4090,
      idleDays: 7,
      git: undefined,
    });
  });

  it("also come from the container on a droplet, and are required there", () => {
    const env = {
      OPENCODE_PLATFORM_PANEL_PORT: "4095",
      OPENCODE_PLATFORM_PANEL_HOSTNAME: "code.example.com",
      OPENCODE_PLATFORM_PANEL_TEAM: "acme",
      OPENCODE_PLATFORM_PANEL_AUDIENCE: "aud",
    };
    expect(readServerSettings({ panel }, false, env)).toMatchObject({
      port: 4095,
      access: { hostname: "code.example.com", team: "acme", audience: "aud" },
    });
    expect(
      complaints(() =>
        readServerSettings({ panel }, false, { ...env, OPENCODE_PLATFORM_PANEL_AUDIENCE: "" }),
      ),
    ).toEqual([expect.stringContaining("OPENCODE_PLATFORM_PANEL_AUDIENCE is not set")]);
  });
});
