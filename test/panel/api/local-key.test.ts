import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { LocalKey } from "../../../panel/server/access/local-key.ts";
import { outsideRepo } from "../../../panel/server/access/repo-directories.ts";
import type { Person } from "../../../panel/server/platform/types.ts";
import { FILE, World } from "../../support/panel/api-world.ts";

const LOCAL: Person = { email: "dev@laptop", kind: "local", admin: true };

describe("a panel on this machine", () => {
  const key = new LocalKey(4090);
  const world = () => new World({ localKey: key, identify: key.authenticate(LOCAL) });
  const status = async (headers: Record<string, string>, method = "GET", path = "/api/projects") =>
    (await world().ask(method, path, { headers })).status;

  it("does nothing for another account of the machine", async () => {
    for (const [method, path] of [
      ["GET", "/api/projects"],
      ["GET", "/api/projects/events"],
      ["GET", "/api/projects/web-shop/logs"],
      ["GET", "/"],
      ["POST", "/api/projects/web-shop/stop"],
      ["DELETE", "/api/projects/web-shop"],
      ["GET", "/open/"],
      ["GET", `/open/${"x".repeat(key.secret.length)}`],
      ["POST", `/open/${key.secret}`],
    ] as const) {
      const asked = world();
      const response = await asked.ask(method, path);
      expect(response.status, path).toBe(401);
      expect(response.headers.get("set-cookie")).toBeNull();
      expect([asked.operations.text, asked.controlled]).toEqual([FILE, []]);
    }
    expect(await status({ authorization: "Bearer x" })).toBe(401);
    expect(await status({ authorization: `Basic ${key.secret}` })).toBe(401);
    expect(await status({ cookie: `opencode-platform-panel-4091=${key.secret}` })).toBe(401);
    expect(await status({}, "GET", "/ping")).toBe(200);
  });

  it("lets in whoever opens its URL, by a cookie, and programs with the key", async () => {
    const opened = await world().ask("GET", new URL(key.url).pathname);
    expect([opened.status, opened.headers.get("location")]).toEqual([303, "/"]);
    const cookie = opened.headers.get("set-cookie") ?? "";
    expect(cookie).toMatch(/; Path=\/; HttpOnly; SameSite=Strict$/);
    expect(await status({ cookie: `other=1; ${cookie.split(";")[0]}` })).toBe(200);
    expect(await status({ authorization: `Bearer ${key.secret}` })).toBe(200);
  });

  it("gives localhost no cookie, below which the gateway has the projects", async () => {
    const path = new URL(key.url).pathname;
    const opened = await world().ask("GET", path, { headers: { host: "localhost:4090" } });
    expect([opened.headers.get("location"), opened.headers.get("set-cookie")]).toEqual([key.url, null]);
  });

  it("has another key after each start", () => {
    expect(new LocalKey(4090).secret).not.toBe(key.secret);
    expect(key.secret.length).toBeGreaterThanOrEqual(32);
  });
});

describe("a repository that is a path", () => {
  it("has to be below an allowed directory, links followed", () => {
    const folder = mkdtempSync(join(tmpdir(), "panel-api-"));
    for (const name of ["work/shop", "private/notes"]) mkdirSync(join(folder, name), { recursive: true });
    symlinkSync(join(folder, "private"), join(folder, "work", "link"));
    const outside = (repo: string) =>
      outsideRepo(repo, join(folder, "work", "platform"), [join(folder, "work")]);
    expect(
      ["../shop", join(folder, "work"), "https://example.com/x.git", "git@example.com:x/y.git"].map(outside),
    ).toEqual(Array(4).fill(undefined));
    for (const repo of [
      "/etc",
      "../../private/notes",
      join(folder, "work/link/notes"),
      join(folder, "work2"),
      "/",
    ])
      expect(outside(repo), repo).toContain("is outside the directories");
    rmSync(folder, { recursive: true });
  });

  it("is refused by the API, at its field", async () => {
    const world = new World({ outsideRepo: (repo) => outsideRepo(repo, "/work/platform", ["/work"]) });
    const create = (repo: string) => world.ask("POST", "/api/projects", { body: { name: "x", repo } });
    const refused = await create("/home/ann/secret");
    expect([refused.status, await refused.json()]).toEqual([
      422,
      expect.objectContaining({ errors: [expect.objectContaining({ path: "repo" })] }),
    ]);
    const changed = await world.ask("PATCH", "/api/projects/web-shop", {
      body: { repo: "/home/ann/secret" },
    });
    expect(changed.status).toBe(422);
    expect((await create("/work/shop")).status).toBe(202);
  });
});
