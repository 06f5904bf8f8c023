/** Running an entry's setup once more, from the panel. */
import { describe, expect, it } from "vitest";
import {
  ADMIN,
  container,
  FILE,
  MACHINE,
  MEMBER,
  OWNER,
  STRANGER,
  World,
} from "../../support/panel/api-world.ts";

const PATH = "/api/projects/web-shop/setup";
const WITH_SETUP = FILE.replace("    members: [shop]", "    setup: npm ci\n    members: [shop]");

function worldWithSetup(over: ConstructorParameters<typeof World>[0] = {}): World {
  const world = new World(over);
  world.operations.text = WITH_SETUP;
  world.containers.put(container("web-shop"));
  return world;
}

describe("running setup again", () => {
  it("asks the container, is audited before and after, and needs no operation", async () => {
    const world = worldWithSetup();
    const response = await world.ask("POST", PATH);
    expect([response.status, await response.json()]).toEqual([202, { run: 1 }]);
    expect(world.setups).toEqual(["web-shop"]);
    expect([world.operations.requests, world.operations.text]).toEqual([[], WITH_SETUP]);
    const act = { act: "setup", project: "web-shop", who: { email: ADMIN.email, kind: "person" } };
    expect(world.begun).toEqual([expect.objectContaining(act)]);
    expect(world.acts).toEqual([expect.objectContaining({ ...act, outcome: "accepted", status: 202 })]);
  });

  it("is for those who can change the project", async () => {
    const world = worldWithSetup();
    const status = async (person: typeof MEMBER) => {
      world.person = person;
      return (await world.ask("POST", PATH)).status;
    };
    expect(await status(OWNER)).toBe(202);
    for (const person of [MEMBER, MACHINE, STRANGER]) expect(await status(person)).toBe(403);
    expect(world.setups).toEqual(["web-shop"]);
  });

  it("is not done for an entry without one, nor for a container that does not run", async () => {
    const world = worldWithSetup();
    world.operations.text = FILE;
    const none = await world.ask("POST", PATH);
    expect([none.status, await none.json()]).toEqual([
      409,
      expect.objectContaining({ detail: "web-shop has no setup." }),
    ]);
    world.operations.text = WITH_SETUP;
    world.containers.all.clear();
    const stopped = await world.ask("POST", PATH);
    expect([stopped.status, await stopped.json()]).toEqual([
      409,
      expect.objectContaining({ detail: "web-shop: is not running" }),
    ]);
    expect(world.setups).toEqual([]);
    expect((await world.ask("POST", "/api/projects/unknown/setup")).status).toBe(404);
  });

  it("is not done while the audit log can't be written", async () => {
    const world = worldWithSetup({
      audit: { record: async () => Promise.reject(new Error("ENOSPC")), close: () => {} },
    });
    expect((await world.ask("POST", PATH)).status).toBe(503);
    expect(world.setups).toEqual([]);
  });

  it("is not done for somebody whose right was taken meanwhile", async () => {
    const world: World = worldWithSetup({
      audit: {
        record: async ({ outcome }) => {
          if (outcome === "begun")
            world.operations.text = WITH_SETUP.replace("owners: [olga@", "owners: [zoe@");
        },
        close: () => {},
      },
    });
    world.person = OWNER;
    expect((await world.ask("POST", PATH)).status).toBe(403);
    expect(world.setups).toEqual([]);
  });
});

it("an owner can change it, as they can have the agent run anything", async () => {
  const world = worldWithSetup();
  world.person = OWNER;
  const setup = "make # all\n\n  make test: fast\n";
  const headers = { "if-match": `"${world.parts.file.read().version}"` };
  const response = await world.ask("PATCH", "/api/projects/web-shop", { body: { setup }, headers });
  expect(response.status).toBe(202);
  expect(world.parts.file.load(world.operations.text)[0]?.setup).toBe(setup);
});
