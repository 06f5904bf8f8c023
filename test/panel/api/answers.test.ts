import { brotliDecompressSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { UserError } from "../../../config/errors.ts";
import { makePage } from "../../../panel/page/serve.ts";
import { eventsIn, FILE, MEMBER, OWNER, World } from "../../support/panel/api-world.ts";

describe("the API", () => {
  it("checks an entry while it is typed", async () => {
    const world = new World();
    const check = async (body: object) =>
      (await (await world.ask("POST", "/api/projects/check", { body })).json()) as object;
    expect(await check({ entry: { name: "new", secrets: ["A"] }, secretValues: { A: "x" } })).toEqual({
      problems: [],
    });
    expect(await check({ entry: { name: "new", secrets: ["A"] }, secretValues: { A: "" } })).toMatchObject({
      problems: [{ path: "secrets[0]", message: "A has no value" }],
    });
    expect(await check({ entry: { name: "web-shop", branch: "x" }, replaces: "web-shop" })).toMatchObject({
      problems: [{ path: "branch", message: "has no effect without repo" }],
    });
    expect(world.acts).toEqual([]);
    expect(world.operations.text).toBe(FILE);
  });

  it("validates the path, then that the body is JSON, then its content", async () => {
    const world = new World();
    const status = async (method: string, path: string, body?: unknown) =>
      (
        await world.ask(method, path, {
          headers: { "if-match": '"v1"' },
          ...(body === undefined ? {} : { body }),
        })
      ).status;
    expect(await status("DELETE", "/api/projects/No%20Name?workspace=x")).toBe(404);
    expect(await status("DELETE", "/api/projects/web-shop?workspace=x")).toBe(422);
    expect(await status("PATCH", "/api/projects/No%20Name", "{")).toBe(404);
    expect(await status("PATCH", "/api/projects/web-shop", "{")).toBe(400);
    expect(await status("GET", "/api/projects/No%20Name/logs?lines=x")).toBe(404);
    world.person = MEMBER;
    expect(await status("PATCH", "/api/projects/secret-plan", { nonsense: 1 })).toBe(404);
    expect(await status("PATCH", "/api/projects/web-shop", { nonsense: 1 })).toBe(403);
    world.person = OWNER;
    expect(await status("PATCH", "/api/projects/web-shop", { nonsense: 1 })).toBe(422);
    const response = await world.ask("POST", "/api/projects/check", { body: { entry: 1, replace: "a" } });
    expect([response.status, await response.json()]).toEqual([
      422,
      expect.objectContaining({
        errors: [
          { path: "entry", message: "1 is not a map (key: value)" },
          { path: "replace", message: expect.stringContaining("did you mean replaces?") },
        ],
      }),
    ]);
  });

  it("returns and follows logs", async () => {
    const world = new World();
    const lines = async (query: string) => world.ask("GET", `/api/projects/web-shop/logs${query}`);
    expect(await (await lines("")).json()).toMatchObject({ lines: [{ text: "last 200" }] });
    expect(await (await lines("?lines=7")).json()).toMatchObject({ lines: [{ text: "last 7" }] });
    for (const wrong of ["?lines=2001", "?lines=-1", "?lines=x", "?follow=yes"])
      expect((await lines(wrong)).status).toBe(422);
    expect(eventsIn(await (await lines("?follow=1")).text())).toEqual([
      { event: "line", data: { at: "2026-01-01T00:00:00Z", stream: "stderr", text: "web-shop" } },
    ]);
  });

  it("shows a member's operations without events of other projects", async () => {
    const world = new World();
    await world.ask("POST", "/api/projects/web-shop/start");
    await world.ask("POST", "/api/projects/secret-plan/start");
    const step = (id: number, name: string) => ({
      id,
      event: "progress" as const,
      data: { op: "update", type: "t", name, urn: `urn:${name}`, status: "done" as const },
    });
    world.operations.all
      .get("op1")
      ?.events.push(step(2, "web-shop-container"), step(3, "secret-plan-container"));
    const events = async (id: string, headers = {}) =>
      eventsIn(await (await world.ask("GET", `/api/operations/${id}/events`, { headers })).text());
    expect((await events("op1")).map(({ id }) => id)).toEqual(["1", "2", "3"]);
    expect((await events("op1", { "last-event-id": "2" })).map(({ id }) => id)).toEqual(["3"]);
    world.person = MEMBER;
    expect((await events("op1")).map(({ id }) => id)).toEqual(["1", "2"]);
    const { operations } = (await (await world.ask("GET", "/api/operations")).json()) as {
      operations: { id: string }[];
    };
    expect(operations.map(({ id }) => id)).toEqual(["op1"]);
    for (const path of ["op2", "op2/events", "nothing"])
      expect((await world.ask("GET", `/api/operations/${path}`)).status).toBe(404);
  });

  it("answers 503 when a part is down", async () => {
    const down = { status: "down" as const, parts: [{ name: "docker", state: "down" as const }] };
    const world = new World({ health: async () => down });
    const response = await world.ask("GET", "/api/health");
    expect([response.status, await response.json()]).toEqual([503, down]);
    expect((await new World().ask("GET", "/api/health")).status).toBe(200);
  });

  it("answers 405 with the allowed methods, and 404 for an unknown path", async () => {
    const world = new World();
    const put = await world.ask("PUT", "/api/projects", { body: {} });
    expect([put.status, put.headers.get("allow")]).toEqual([405, "GET, POST"]);
    const missing = await world.ask("GET", "/api/nothing");
    expect([missing.status, missing.headers.get("content-type")]).toEqual([404, "application/problem+json"]);
  });

  it("reports a defect only in its log", async () => {
    const world = new World({ health: async () => Promise.reject(new Error("the password is hunter2")) });
    const response = await world.ask("GET", "/api/health");
    expect(response.status).toBe(500);
    expect(await response.text()).not.toContain("hunter2");
    expect(world.defects).toHaveLength(1);
  });

  it("returns a UserError of the stack side by field", async () => {
    const world = new World();
    world.operations.submit = async () => {
      throw new UserError("config", [
        { where: "projects.yaml:9:3 projects[1].repo", what: "not found", fix: "look" },
      ]);
    };
    const response = await world.ask("PATCH", "/api/projects/web-shop", { body: { branch: "x" } });
    expect([response.status, await response.json()]).toEqual([
      422,
      expect.objectContaining({ errors: [{ path: "repo", message: "not found", fix: "look" }] }),
    ]);
  });

  it.each([
    ["environment", 503],
    ["conflict", 409],
    ["cloud", 503],
    ["engine", 503],
  ] as const)(
    "answers a UserError of kind %s with %i, since the request is not invalid",
    async (kind, status) => {
      const world = new World();
      world.operations.submit = async () => {
        throw new UserError(kind, [{ where: "docker", what: "is not responding", fix: "start Docker" }]);
      };
      const response = await world.ask("PATCH", "/api/projects/web-shop", { body: { branch: "x" } });
      expect([response.status, await response.json()]).toEqual([
        status,
        expect.objectContaining({ detail: "docker: is not responding — start Docker" }),
      ]);
    },
  );

  it("sets security headers", async () => {
    const { headers } = await new World().ask("GET", "/api/projects");
    expect(headers.get("cache-control")).toBe("no-store");
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    expect(headers.get("content-security-policy")).toContain("default-src 'none'");
  });

  it("sends the whole page in less than 60 kB, including headers", async () => {
    const world = new World({ page: makePage() });
    const load = async (path: string) => {
      const answer = await world.ask("GET", path, { headers: { "accept-encoding": "br" } });
      expect(answer.status, path).toBe(200);
      expect(answer.headers.get("x-content-type-options"), path).toBe("nosniff");
      const body = Buffer.from(await answer.arrayBuffer());
      // 140 bytes for what Node adds: status, Date, Connection, Keep-Alive, Content-Length.
      const head = [...answer.headers].reduce((sum, pair) => sum + pair.join(": ").length + 2, 140);
      return { body, bytes: head + body.length };
    };
    const document = await load("/");
    const html = brotliDecompressSync(document.body).toString();
    const addresses = new Set([...html.matchAll(/"(\/assets\/[^"]*)"/g)].map(([, address]) => address ?? ""));
    expect(addresses.size).toBeGreaterThan(30);
    const loaded = await Promise.all([...addresses].map(load));
    expect(loaded.reduce((sum, { bytes }) => sum + bytes, document.bytes)).toBeLessThan(60_000);
  });
});
