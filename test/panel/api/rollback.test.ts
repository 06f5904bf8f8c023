import { describe, expect, it } from "vitest";
import { UserError } from "../../../config/errors.ts";
import { apiFor } from "../../../opencode/api/index.ts";
import type { Overview } from "../../../panel/server/api/schema.ts";
import { dockerOver } from "../../../panel/server/platform/docker-client.ts";
import { makeRollbacks } from "../../../panel/server/rollbacks.ts";
import { FakeEngine } from "../../support/panel/api-engine.ts";
import { container, FILE, MACHINE, MEMBER, OWNER, STRANGER, World } from "../../support/panel/api-world.ts";

const PATH = "/api/projects/web-shop/rollback";
const MADE_AT = Date.UTC(2026, 10, 29, 13, 15);
/** A pinned release, so that an entry may have it. */
const RELEASE = "2.0.18";

/** A world in which web-shop can go back. */
function worldWithCopy(): World {
  const world = new World();
  world.copies.set("web-shop", { release: RELEASE, madeAt: MADE_AT });
  world.left = [{ id: "ses_1", title: "made since", usedAt: MADE_AT + 1 }, { id: "ses_2" }];
  return world;
}

describe("what a project goes back to", () => {
  it("is a release, with the time of the copy and the sessions that are left behind", async () => {
    const response = await worldWithCopy().ask("GET", PATH);
    expect([response.status, await response.json()]).toEqual([
      200,
      {
        release: RELEASE,
        madeAt: "2026-11-29T13:15:00.000Z",
        left: [
          { id: "ses_1", title: "made since" },
          { id: "ses_2", title: "" },
        ],
      },
    ]);
  });

  it("has no sessions if opencode is not responding", async () => {
    const world = worldWithCopy();
    world.left = undefined;
    expect(await (await world.ask("GET", PATH)).json()).toEqual({
      release: RELEASE,
      madeAt: "2026-11-29T13:15:00.000Z",
    });
  });

  it("is a conflict without a copy", async () => {
    const world = new World();
    for (const asked of [world.ask("GET", PATH), world.ask("POST", PATH, { body: { release: RELEASE } })]) {
      const response = await asked;
      expect([response.status, response.headers.get("content-type"), await response.json()]).toEqual([
        409,
        "application/problem+json",
        expect.objectContaining({ detail: "web-shop: has no copy of its sessions" }),
      ]);
    }
    expect(world.operations.text).toBe(FILE);
  });

  it("is shown to people who can change the project", async () => {
    const world = worldWithCopy();
    const status = async (person: typeof MEMBER) => {
      world.person = person;
      return (await world.ask("GET", PATH)).status;
    };
    expect(await status(OWNER)).toBe(200);
    for (const person of [MEMBER, MACHINE, STRANGER]) expect(await status(person)).toBe(403);
  });
});

describe("going back", () => {
  it("sets the entry's release, keeps its other keys, and is audited", async () => {
    const world = worldWithCopy();
    await world.ask("PATCH", "/api/projects/web-shop", { body: { opencode: { model: "a/b" } } });
    world.person = OWNER;
    const response = await world.ask("POST", PATH, { body: { release: RELEASE } });
    expect(response.status).toBe(202);
    expect(response.headers.get("location")).toBe("/api/operations/op2");
    expect(await response.json()).toMatchObject({ operation: { what: "roll back web-shop" } });
    expect(world.operations.requests.at(-1)).toMatchObject({
      project: "web-shop",
      edit: { kind: "release", name: "web-shop", version: RELEASE },
    });
    expect(world.operations.text).toContain("model: a/b");
    expect(world.operations.text).toContain(RELEASE);
    expect(world.acts.at(-1)).toMatchObject({
      act: "rollback",
      project: "web-shop",
      detail: `release: ${RELEASE}`,
      outcome: "accepted",
      operation: "op2",
      who: { email: OWNER.email, kind: "person" },
    });
  });

  it("is refused for another release than the one that was confirmed", async () => {
    const world = worldWithCopy();
    const response = await world.ask("POST", PATH, { body: { release: "1.18.30" } });
    expect([response.status, await response.json()]).toEqual([
      409,
      expect.objectContaining({ detail: expect.stringContaining(`opencode ${RELEASE} now, not to 1.18.30`) }),
    ]);
    expect(world.acts.at(-1)).toMatchObject({ act: "rollback", outcome: "refused", status: 409 });
    expect(world.operations.text).toBe(FILE);
  });

  it("is refused to a release that is no longer pinned", async () => {
    const world = worldWithCopy();
    world.copies.set("web-shop", { release: "1.0.0", madeAt: MADE_AT });
    const response = await world.ask("POST", PATH, { body: { release: "1.0.0" } });
    expect([response.status, await response.json()]).toEqual([
      422,
      expect.objectContaining({ errors: [expect.objectContaining({ path: "opencode.version" })] }),
    ]);
    expect(world.operations.text).toBe(FILE);
  });

  it.each([{}, { release: 2 }, { release: RELEASE, more: true }])("is refused with %j", async (body) => {
    const world = worldWithCopy();
    expect((await world.ask("POST", PATH, { body })).status).toBe(422);
    expect(world.acts.at(-1)).toMatchObject({ act: "rollback", project: "web-shop", status: 422 });
    expect(world.operations.requests).toEqual([]);
  });

  it("is refused to machines, strangers and with a stale version", async () => {
    const world = worldWithCopy();
    const go = (headers = {}) => world.ask("POST", PATH, { body: { release: RELEASE }, headers });
    expect((await go({ "if-match": '"stale"' })).status).toBe(409);
    world.person = MACHINE;
    expect((await go()).status).toBe(403);
    for (world.person of [STRANGER, MEMBER]) expect((await go()).status).toBe(403);
    expect(world.operations.requests).toEqual([]);
  });
});

describe("a project's container", () => {
  const names = "20261129T131500Z_1.18.33\n20261129T140000Z_2.0.18\n";
  /** An engine whose containers answer a listing of copies, and then with the given result. */
  function engineWith(stdout: string, code = 0): FakeEngine {
    const engine = new FakeEngine();
    engine.answer = () =>
      engine.commands.at(-1)?.at(-1)?.startsWith("ls ")
        ? { code: 0, stdout: names, stderr: "" }
        : { code, stdout, stderr: code ? "curl: (7) refused" : "" };
    return engine;
  }
  const rollbacks = (engine: FakeEngine) =>
    makeRollbacks(
      dockerOver(engine),
      (name) => `papi-project-${name}`,
      async (project) => void engine.commands.push([`wake ${project}`]),
    );

  it("is asked for its copies and sessions over the socket", async () => {
    const session = (id: string, updated: number) => ({ id, title: id, time: { created: 1, updated } });
    const data = [session("after", MADE_AT + 1), session("before", MADE_AT - 1)];
    const engine = engineWith(JSON.stringify({ data }));
    const of = rollbacks(engine);
    const copy = await of.find("shop", "2.0.18");
    expect(copy).toEqual({ release: "1.18.33", madeAt: MADE_AT });
    expect((await of.left("shop", "2.0.18", copy))?.map(({ id }) => id)).toEqual(["after"]);
    // It may have slept: a paused container runs no command.
    expect(engine.commands[0]).toEqual(["wake shop"]);
    expect(engine.commands.slice(1).map(([name, program]) => [name, program])).toEqual(
      Array(2).fill(["papi-project-shop", "bash"]),
    );
    expect(engine.commands[2]?.join(" ")).toContain(apiFor("2.0.18").sessions(500).path);
  });

  it("that is not responding names no sessions", async () => {
    const copy = { release: "1.18.33", madeAt: MADE_AT };
    expect(await rollbacks(engineWith("", 7)).left("shop", "2.0.18", copy)).toBeUndefined();
  });

  it("that does not run has to be started first", async () => {
    const engine = new FakeEngine();
    engine.exec = () => Promise.reject(Object.assign(new Error("http"), { reason: "container not running" }));
    const found = rollbacks(engine).find("shop", "2.0.18");
    await expect(found).rejects.toThrow(UserError);
    await expect(found).rejects.toThrow("container not running — start the project first");
  });

  it("has its release in the list, and how far its change to it is", async () => {
    const world = new World();
    const of = async () => ((await (await world.ask("GET", "/api/projects")).json()) as Overview).projects[0];
    const serving = "serving; migrating, 412 of 1300 sessions; workspace: kept, it has files";
    world.containers.put(container("web-shop", { healthLine: serving }));
    expect(await of()).toMatchObject({ state: "running", upgrade: "migrating, 412 of 1300 sessions" });
    const starting = "not serving: curl: (7) refused; upgrading from 1.18.33; workspace: kept";
    world.containers.put(container("web-shop", { health: "starting", healthLine: starting }));
    expect(await of()).toMatchObject({ state: "starting", upgrade: "upgrading from 1.18.33" });
    world.containers.put(
      container("web-shop", { healthLine: "serving; upgraded from 1.18.33; workspace: x" }),
    );
    expect(await of()).not.toHaveProperty("upgrade");
    world.containers.put(container("web-shop", { status: "exited", healthLine: serving }));
    expect(await of()).not.toHaveProperty("upgrade");
  });
});
