import { describe, expect, it } from "vitest";
import { UserError } from "../../../config/errors.ts";
import type { Person } from "../../../panel/server/platform/types.ts";
import { ADMIN, FILE, MACHINE, MEMBER, OWNER, STRANGER, World } from "../../support/panel/api-world.ts";

const gone = "/api/projects/gone";
const confirmed = `${gone}?workspace=delete&confirm=gone`;

/** A world with the workspace of a removed project. */
function worldWithLeftover(): World {
  const world = new World();
  world.workspaces.add("gone");
  return world;
}

describe("the workspace of a removed project", () => {
  it("is deleted by an admin, after an update", async () => {
    const world = worldWithLeftover();
    expect((await world.ask("DELETE", confirmed)).status).toBe(202);
    const [request] = world.operations.requests;
    expect(request).toMatchObject({ what: "delete gone", project: "gone" });
    expect([request?.edit, world.deleted, world.operations.text]).toEqual([undefined, [], FILE]);
    await request?.afterwards?.(
      () => {},
      (work) => work(),
    );
    expect(world.deleted).toEqual(["gone"]);
    expect(world.acts).toEqual([
      expect.objectContaining({
        act: "delete",
        project: "gone",
        detail: "with workspace",
        outcome: "accepted",
      }),
    ]);
  });

  it.each([
    ["without its name", `${gone}?workspace=delete`, 422],
    ["with another's name", `${gone}?workspace=delete&confirm=web-shop`, 422],
    ["without workspace=delete", gone, 404],
    ["if it does not exist", "/api/projects/never?workspace=delete&confirm=never", 404],
    ["for an invalid name", "/api/projects/.panel?workspace=delete&confirm=.panel", 404],
    ["for a path traversal", "/api/projects/..%2Fgone?workspace=delete&confirm=../gone", 404],
  ])("is not deleted %s", async (_, path, status) => {
    const world = worldWithLeftover();
    for (const name of [".panel", "../gone"]) world.workspaces.add(name);
    expect((await world.ask("DELETE", path)).status).toBe(status);
    expect(world.operations.requests).toEqual([]);
  });

  it("is hidden from everybody but admins", async () => {
    const world = worldWithLeftover();
    for (world.person of [MEMBER, OWNER, MACHINE, STRANGER]) {
      const status = world.person === STRANGER ? 403 : 404;
      expect((await world.ask("DELETE", confirmed)).status).toBe(status);
      // Not even its existence is revealed.
      expect((await world.ask("DELETE", `${gone}?workspace=delete`)).status).toBe(status);
    }
    expect(world.operations.requests).toEqual([]);
  });

  it("is kept if the project was added again before the deletion", async () => {
    const world = worldWithLeftover();
    await world.ask("DELETE", confirmed);
    expect(
      (await world.ask("POST", "/api/projects", { body: { name: "gone", leftover: "keep" } })).status,
    ).toBe(202);
    await expect(
      world.operations.requests[0]?.afterwards?.(
        () => {},
        (work) => work(),
      ),
    ).rejects.toThrow("has that project again");
    expect(world.deleted).toEqual([]);
  });

  it("is kept while projects.yaml is invalid, since it may have the project", async () => {
    const world = worldWithLeftover();
    await world.ask("DELETE", confirmed);
    world.operations.text = `${FILE}  - name: gone\n    port: 80\n`;
    expect((await world.ask("DELETE", confirmed)).status).toBe(503);
    await expect(
      world.operations.requests[0]?.afterwards?.(
        () => {},
        (work) => work(),
      ),
    ).rejects.toThrow("projects.yaml is invalid");
    expect(world.deleted).toEqual([]);
  });

  it("answers 503 if the droplet is not responding", async () => {
    const silent = new UserError("environment", [
      { where: "workspace of gone", what: "could not be checked: no answer" },
    ]);
    const world = new World({ hasWorkspace: () => Promise.reject(silent) });
    const response = await world.ask("DELETE", confirmed);
    expect([response.status, await response.json()]).toEqual([
      503,
      expect.objectContaining({ detail: "workspace of gone: could not be checked: no answer" }),
    ]);
  });

  it("is not deleted with a stale version", async () => {
    const world = worldWithLeftover();
    const headers = { "if-match": '"another"' };
    expect((await world.ask("DELETE", confirmed, { headers })).status).toBe(409);
    expect(world.operations.requests).toEqual([]);
  });
});

describe("a new project under the name of a removed one", () => {
  const admitted = (person: Person): World => {
    const world = worldWithLeftover();
    const defaults = { accessEmails: [], accessEmailDomains: ["example.com"] };
    world.authority = { ...world.authority, defaults };
    world.person = person;
    return world;
  };
  const create = (world: World, more: object = {}) =>
    world.ask("POST", "/api/projects", { body: { name: "gone", ...more } });
  const unchanged = (world: World) => {
    expect(world.operations.requests).toEqual([]);
    expect(world.operations.text).toBe(FILE);
    expect([[...world.workspaces], world.aside]).toEqual([["gone"], []]);
  };

  it("is refused without a choice, and an admin learns what was left behind", async () => {
    const world = worldWithLeftover();
    const response = await create(world);
    expect([response.status, await response.json()]).toEqual([
      409,
      expect.objectContaining({
        detail: "An earlier project gone left its workspace and sessions behind. Nothing was created.",
        errors: [
          {
            path: "leftover",
            message: "is required for this name",
            fix: 'send "leftover": "keep" or "leftover": "anew"',
          },
        ],
        leftover: { choices: ["keep", "anew"], bytes: 3 * 2 ** 20, lastUsed: "2026-01-01T00:00:00.000Z" },
      }),
    ]);
    unchanged(world);
  });

  it("is refused for others too, who learn no more than that", async () => {
    const world = admitted(MEMBER);
    const response = await create(world);
    const { leftover, detail } = (await response.json()) as { leftover: object; detail: string };
    expect([response.status, leftover]).toEqual([409, { choices: ["anew"] }]);
    expect(detail).not.toMatch(/MiB|2026/);
    unchanged(world);
  });

  it("uses it again if an admin says so", async () => {
    const world = worldWithLeftover();
    expect((await create(world, { leftover: "keep" })).status).toBe(202);
    expect([[...world.workspaces], world.aside]).toEqual([["gone"], []]);
    expect(world.operations.text).toContain("name: gone");
    expect(world.operations.text).not.toContain("leftover");
    expect(world.acts.at(-1)?.detail).toBe("keys: name; leftover: keep");
  });

  it.each([
    ["a member", MEMBER],
    ["an owner of another", OWNER],
  ])("does not use it again if %s says so", async (_, person) => {
    const world = admitted(person);
    const response = await create(world, { leftover: "keep" });
    expect([response.status, await response.json()]).toEqual([
      403,
      expect.objectContaining({ detail: "Only an admin can keep what an earlier project left behind." }),
    ]);
    unchanged(world);
  });

  it.each([
    ["an admin", ADMIN],
    ["a member", MEMBER],
  ])("begins anew if %s says so, with what was there set aside", async (_, person) => {
    const world = admitted(person);
    expect((await create(world, { leftover: "anew" })).status).toBe(202);
    expect([[...world.workspaces], world.aside, world.deleted]).toEqual([[], ["gone"], []]);
    expect(world.acts.at(-1)?.detail).toBe("keys: name; leftover: anew");
  });

  it("takes either choice where nothing was left behind, and needs none", async () => {
    for (const more of [{}, { leftover: "keep" }, { leftover: "anew" }]) {
      const world = new World();
      expect((await create(world, more)).status).toBe(202);
      expect(world.aside).toEqual([]);
    }
  });

  it("is not created, and nothing is set aside, with another word or an invalid entry", async () => {
    const world = worldWithLeftover();
    for (const more of [{ leftover: "delete" }, { leftover: null }, { leftover: "anew", port: 80 }])
      expect((await create(world, more)).status).toBe(422);
    unchanged(world);
  });

  it("is not created while its earlier container is still there", async () => {
    const inUse = new UserError("conflict", [
      { where: "workspace of gone", what: "is still used by the container x", fix: "wait" },
    ]);
    const world = new World({ setAsideWorkspace: () => Promise.reject(inUse) });
    const response = await create(world, { leftover: "anew" });
    expect([response.status, await response.json()]).toEqual([
      409,
      expect.objectContaining({ detail: "workspace of gone: is still used by the container x — wait" }),
    ]);
    expect(world.operations.text).toBe(FILE);
  });

  it("is not created while nobody can tell whether something was left behind", async () => {
    const silent = new UserError("environment", [{ where: "workspace of gone", what: "no answer" }]);
    const world = new World({ hasWorkspace: () => Promise.reject(silent) });
    expect((await create(world)).status).toBe(503);
    expect(world.operations.text).toBe(FILE);
  });
});
