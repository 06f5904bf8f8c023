import { describe, expect, it } from "vitest";
import { UserError } from "../../../config/errors.ts";
import { FILE, MACHINE, MEMBER, OWNER, STRANGER, World } from "../../support/panel/api-world.ts";

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
    await request?.afterwards?.();
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
    expect((await world.ask("POST", "/api/projects", { body: { name: "gone" } })).status).toBe(202);
    await expect(world.operations.requests[0]?.afterwards?.()).rejects.toThrow("has that project again");
    expect(world.deleted).toEqual([]);
  });

  it("is kept while projects.yaml is invalid, since it may have the project", async () => {
    const world = worldWithLeftover();
    await world.ask("DELETE", confirmed);
    world.operations.text = `${FILE}  - name: gone\n    ports: [80]\n`;
    expect((await world.ask("DELETE", confirmed)).status).toBe(503);
    await expect(world.operations.requests[0]?.afterwards?.()).rejects.toThrow("projects.yaml is invalid");
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
