import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, unlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { OPENCODE_RELEASES } from "../../../config/opencode-releases.ts";
import { OPENCODE } from "../../../config/versions.ts";
import { type AuditEntry, openAudit, RefusalQuota } from "../../../panel/server/access/audit.ts";
import { HttpProblem } from "../../../panel/server/api/problem.ts";
import { FILE, MEMBER, World } from "../../support/panel/api-world.ts";

describe("an act", () => {
  const earlier = Object.keys(OPENCODE_RELEASES).find((release) => release !== OPENCODE) ?? "";
  /** The acts of the API that change or show something of a project. */
  const acts: [act: string, method: string, path: string, body?: object][] = [
    ["create", "POST", "", { name: "billing" }],
    ["change", "PATCH", "/web-shop", { branch: "main" }],
    ["stop", "POST", "/web-shop/stop"],
    ["start", "POST", "/web-shop/start"],
    ["rollback", "POST", "/web-shop/rollback", { release: earlier }],
    ["delete", "DELETE", "/web-shop"],
    ["read logs", "GET", "/web-shop/logs"],
    ["read logs", "GET", "/web-shop/logs?follow=1"],
  ];
  const prepare = (world: World) => world.copies.set("web-shop", { release: earlier, madeAt: 0 });

  it.each(acts)("%s (%s %s) is in the audit log before it is done", async (act, method, path, body) => {
    const world: World = new World({
      audit: {
        record: async (line) => {
          if (line.outcome === "begun") {
            // Nothing has happened yet.
            expect([world.controlled, world.operations.requests]).toEqual([[], []]);
            world.begun.push(line);
          } else world.acts.push(line);
        },
        close: () => {},
      },
    });
    prepare(world);
    const response = await world.ask(method, `/api/projects${path}`, { body });
    expect(response.ok, await response.clone().text()).toBe(true);
    expect(world.begun).toEqual([
      expect.objectContaining({ act, who: { email: "ann@example.com", kind: "person" } }),
    ]);
    expect(world.acts).toEqual([expect.objectContaining({ act, outcome: "accepted" })]);
    await response.body?.cancel();
  });

  it.each(acts)("%s (%s %s) is not done while the log can't be written", async (_, method, path, body) => {
    const full = async () => Promise.reject(new Error("ENOSPC"));
    const world = new World({ audit: { record: full, close: () => {} } });
    prepare(world);
    const response = await world.ask(method, `/api/projects${path}`, { body });
    expect(response.status).toBe(503);
    expect(await response.text()).toContain("audit log can't be written");
    expect([world.controlled, world.operations.requests, world.operations.text]).toEqual([[], [], FILE]);
    expect(world.streams.count).toBe(0);
  });
});

describe("refusals", () => {
  it("of reads are in the audit log too", async () => {
    const world = new World();
    world.person = MEMBER;
    await world.ask("GET", "/api/projects/secret-plan/logs");
    await world.ask("GET", "/api/projects/secret-plan/rollback");
    await world.ask("GET", "/api/operations/unknown");
    await world.ask("GET", "/api/projects", { headers: { host: "evil.example" } });
    await world.ask("GET", "/api/projects", { headers: { "sec-fetch-site": "cross-site" } });
    expect(world.acts.map(({ act, outcome, status, who }) => [act, outcome, status, who.email])).toEqual([
      ["read logs", "refused", 404, MEMBER.email],
      ["GET /api/projects/secret-plan/rollback", "refused", 404, MEMBER.email],
      ["GET /api/operations/unknown", "refused", 404, MEMBER.email],
      ["GET /api/projects", "refused", 421, ""],
      ["GET /api/projects", "refused", 403, ""],
    ]);
    const signedOut = new World({ identify: () => Promise.reject(new HttpProblem(401, "no")) });
    await signedOut.ask("GET", "/api/projects");
    expect(signedOut.acts).toEqual([
      expect.objectContaining({ status: 401, who: { email: "", kind: "unknown" } }),
    ]);
  });

  it("are not written without a limit, and those left out are counted", () => {
    const quota = new RefusalQuota();
    const written = Array.from({ length: 100 }, () => quota.take("eve@example.com", 0).isWritten);
    expect(written.filter(Boolean)).toHaveLength(60);
    expect(quota.take("ben@example.com", 0)).toEqual({ isWritten: true, unwritten: 0 });
    expect(quota.take("eve@example.com", 60_000)).toEqual({ isWritten: true, unwritten: 40 });
    expect(quota.take("eve@example.com", 60_001)).toEqual({ isWritten: true, unwritten: 0 });
  });

  it("of reads that are allowed are none", async () => {
    const world = new World();
    await world.ask("GET", "/api/projects");
    await world.ask("GET", "/favicon.ico");
    expect(world.acts).toEqual([]);
  });
});

describe("the audit log's file", () => {
  let folder = "";
  let file = "";
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "panel-api-"));
    file = join(folder, "audit.jsonl");
  });
  afterEach(() => rmSync(folder, { recursive: true }));
  const entry = (request: string): AuditEntry => ({
    request,
    who: { email: "a@b.c", kind: "person" },
    act: "stop",
    outcome: "accepted",
    status: 202,
  });
  const requests = (name: string) =>
    readFileSync(join(folder, name), "utf8")
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line).request);

  it("is begun anew when it is full, and the oldest of the earlier ones goes", async () => {
    let at = 0;
    const audit = openAudit(file, { now: () => new Date(at++ * 1000), maxBytes: 250, keep: 2 });
    await Promise.all(["1", "2", "3", "4", "5", "6", "7"].map((request) => audit.record(entry(request))));
    audit.close();
    const names = readdirSync(folder).sort();
    expect(names).toHaveLength(3);
    expect(names.flatMap(requests)).toEqual(["3", "4", "5", "6", "7"].slice(-names.flatMap(requests).length));
    expect(names.flatMap(requests).at(-1)).toBe("7");
    for (const name of names) expect(statSync(join(folder, name)).mode & 0o777).toBe(0o600);
  });

  it("is there again after somebody has deleted it", async () => {
    const audit = openAudit(file);
    await audit.record(entry("1"));
    unlinkSync(file);
    await audit.record(entry("2"));
    audit.close();
    expect(requests("audit.jsonl")).toEqual(["2"]);
  });
});
