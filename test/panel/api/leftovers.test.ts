import { describe, expect, it } from "vitest";
import { UserError } from "../../../config/errors.ts";
import { FILE, MACHINE, MEMBER, STRANGER, World } from "../../support/panel/api-world.ts";

const gone = "/api/projects/gone";
const forGood = `${gone}?workspace=delete&confirm=gone`;

/** A world where a project has left its workspace behind. */
function worldWithLeftover(): World {
  const world = new World();
  world.workspaces.add("gone");
  return world;
}

describe("the workspace of a project whose entry is gone", () => {
  it("is deleted by an admin, after an update", async () => {
    const world = worldWithLeftover();
    expect((await world.ask("DELETE", forGood)).status).toBe(202);
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
    ["unless that is asked for", gone, 404],
    ["where there is none", "/api/projects/never?workspace=delete&confirm=never", 404],
    ["of what is no project's name", "/api/projects/.panel?workspace=delete&confirm=.panel", 404],
    ["of a way out", "/api/projects/..%2Fgone?workspace=delete&confirm=../gone", 404],
  ])("is not deleted %s", async (_, path, status) => {
    const world = worldWithLeftover();
    for (const name of [".panel", "../gone"]) world.workspaces.add(name);
    expect((await world.ask("DELETE", path)).status).toBe(status);
    expect(world.operations.requests).toEqual([]);
  });

  it("is none of anybody else's", async () => {
    const world = worldWithLeftover();
    for (world.person of [MEMBER, MACHINE, STRANGER]) {
      expect((await world.ask("DELETE", forGood)).status).toBe(404);
      // Whether there is one is not told either.
      expect((await world.ask("DELETE", `${gone}?workspace=delete`)).status).toBe(404);
    }
    expect(world.operations.requests).toEqual([]);
  });

  it("stays when the project is back by the time of the deletion", async () => {
    const world = worldWithLeftover();
    await world.ask("DELETE", forGood);
    expect((await world.ask("POST", "/api/projects", { body: { name: "gone" } })).status).toBe(202);
    await expect(world.operations.requests[0]?.afterwards?.()).rejects.toThrow("has that project again");
    expect(world.deleted).toEqual([]);
  });

  it("stays while projects.yaml is wrong, since the project may be in it", async () => {
    const world = worldWithLeftover();
    await world.ask("DELETE", forGood);
    world.operations.text = `${FILE}  - name: gone\n    ports: [80]\n`;
    expect((await world.ask("DELETE", forGood)).status).toBe(503);
    await expect(world.operations.requests[0]?.afterwards?.()).rejects.toThrow("is wrong by now");
    expect(world.deleted).toEqual([]);
  });

  it("is not looked for where the droplet does not answer, which is no mistake in the request", async () => {
    const silent = new UserError("environment", [
      { where: "workspace of gone", what: "cannot be looked for: no answer" },
    ]);
    const world = new World({ hasWorkspace: () => Promise.reject(silent) });
    const response = await world.ask("DELETE", forGood);
    expect([response.status, await response.json()]).toEqual([
      503,
      expect.objectContaining({ detail: "workspace of gone: cannot be looked for: no answer" }),
    ]);
  });

  it("is not deleted by who has seen another version of the file", async () => {
    const world = worldWithLeftover();
    const headers = { "if-match": '"another"' };
    expect((await world.ask("DELETE", forGood, { headers })).status).toBe(409);
    expect(world.operations.requests).toEqual([]);
  });
});
