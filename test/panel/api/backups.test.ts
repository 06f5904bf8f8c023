/** Backups, checkpoints and forks in the panel: who may, what is asked of the storage program, and what people are told. */
import { describe, expect, it, vi } from "vitest";
import type {
  Operation,
  OperationRequest,
  WhileOpen,
  WorkTools,
} from "../../../panel/server/platform/types.ts";
import { ADMIN, FILE, MACHINE, MEMBER, OWNER, STRANGER, World } from "../../support/panel/api-world.ts";
import { backup, checkpoint } from "../../support/storage.ts";

const SHOP = "/api/projects/web-shop";
const CALLS = [
  ["POST", `${SHOP}/backups`, undefined],
  ["POST", `${SHOP}/restore`, { at: "latest" }],
  ["POST", `${SHOP}/restore`, { at: "latest", into: "shop-old" }],
  ["POST", `${SHOP}/checkpoints`, {}],
  ["POST", `${SHOP}/checkpoints/before-7/rollback`, undefined],
  ["DELETE", `${SHOP}/checkpoints/before-7`, undefined],
  ["POST", `${SHOP}/fork`, { name: "shop-try" }],
] as const;
const NEVER = FILE.replace("  - name: web-shop\n", "  - name: web-shop\n    backup: never\n");
/** Of the project that is there now, one of an earlier project of its name, and what a restore has put away. */
const OWN = backup("web-shop", { id: "aaaa1111", at: "2026-11-28T03:00:00.000Z" });
const EARLIER = backup("web-shop", { id: "bbbb2222", at: "2026-11-29T03:00:00.000Z", isEarlier: true });
const PUT_AWAY = backup("web-shop", {
  id: "aaaa3333",
  at: "2026-11-30T03:00:00.000Z",
  reason: "before-restore",
});
const answerOf = async (response: Response) => [response.status, await response.json()];

/** Does an operation's work, with what it runs; returns what it has reported and run. */
async function doWork(world: World, end: Partial<Operation> = { state: "succeeded" }) {
  const [reports, ran]: [string[], OperationRequest[]] = [[], []];
  const tools: WorkTools = {
    report: (text, percent) => void reports.push(percent === undefined ? text : `${text} ${percent}`),
    run: async (request) => {
      ran.push(request);
      return { ...(await world.operations.submit(request)), ...end };
    },
  };
  await world.operations.requests[0]?.work?.(tools);
  return { reports, ran };
}

describe("the list", () => {
  it("has backups and checkpoints, newest first, with what is wrong; where they go is for admins", async () => {
    const world = new World();
    world.storage.all = [backup("web-shop"), backup("secret-plan")];
    world.storage.kept = [checkpoint("before-7", { bytes: 5 })];
    const failed = { at: "2026-11-30T03:00:00Z", what: "the bucket is full" };
    world.storage.state = {
      ...world.storage.state,
      running: [{ project: "web-shop", what: "backup", since: "2026-11-30T03:00:00Z" }],
      backup: { to: "s3:example.com/b", everyMs: 3_600_000, projects: { "web-shop": { failed } } },
    };
    const { project: _, ...shown } = backup("web-shop");
    const expected = {
      setUp: true,
      isSnapshot: true,
      everyMs: 3_600_000,
      problem: "its backup failed at 2026-11-30 03:00 UTC: the bucket is full; there is none",
      running: { what: "backup", since: "2026-11-30T03:00:00Z" },
      backups: [shown],
      checkpoints: [checkpoint("before-7", { bytes: 5 })],
    };
    expect(await answerOf(await world.ask("GET", `${SHOP}/backups`))).toEqual([
      200,
      { ...expected, to: "s3:example.com/b" },
    ]);
    world.person = OWNER;
    expect(await answerOf(await world.ask("GET", `${SHOP}/backups`))).toEqual([200, expected]);
  });

  it("has checkpoints where backups are not set up, and asks for none", async () => {
    const world = new World();
    world.storage.state = { fileSystem: "other", running: [] };
    world.storage.refusals.set("backups", { kind: "refused", reason: "backups are not set up" });
    world.storage.kept = [checkpoint("a")];
    expect(await answerOf(await world.ask("GET", `${SHOP}/backups`))).toEqual([
      200,
      { setUp: false, isSnapshot: false, backups: [], checkpoints: [checkpoint("a")] },
    ]);
  });

  it("has nothing wrong with a project that is never backed up", async () => {
    const world = new World();
    const failed = { at: "2026-11-30T03:00:00Z", what: "the bucket is full" };
    world.storage.state = {
      ...world.storage.state,
      backup: { to: "/b", everyMs: 1, projects: { "web-shop": { failed } } },
    };
    const problem = async () =>
      ((await (await world.ask("GET", `${SHOP}/backups`)).json()) as { problem?: string }).problem;
    expect(await problem()).toContain("the bucket is full");
    world.operations.text = NEVER;
    expect(await problem()).toBeUndefined();
  });

  it("has backups of an earlier project of the name for admins alone", async () => {
    const world = new World();
    world.storage.all = [EARLIER, OWN];
    const listed = async () => {
      const answer = await world.ask("GET", `${SHOP}/backups`);
      const { backups } = (await answer.json()) as { backups: { id: string; isEarlier?: boolean }[] };
      return backups.map(({ id, isEarlier }) => [id, isEarlier]);
    };
    expect(await listed()).toEqual([
      ["bbbb2222", true],
      ["aaaa1111", undefined],
    ]);
    world.person = OWNER;
    expect(await listed()).toEqual([["aaaa1111", undefined]]);
  });

  it("says why there is none", async () => {
    const world = new World();
    world.storage.refusals.set("backups", {
      kind: "refused",
      reason: "the key is refused",
      fix: "set it again",
    });
    expect(await answerOf(await world.ask("GET", `${SHOP}/backups`))).toEqual([
      409,
      expect.objectContaining({
        detail: "The backups of web-shop can't be listed: the key is refused. To fix it: set it again.",
      }),
    ]);
    world.storage.refusals.set("status", { kind: "missing", reason: "the storage program is not running" });
    expect((await world.ask("GET", `${SHOP}/backups`)).status).toBe(503);
  });
});

describe("everything of it", () => {
  it("is for owners and admins", async () => {
    for (const [person, status] of [
      [ADMIN, 202],
      [OWNER, 202],
      [MEMBER, 403],
      [MACHINE, 403],
      [STRANGER, 403],
    ] as const)
      for (const [method, path, body] of CALLS) {
        const world = new World();
        world.authority = {
          ...world.authority,
          defaults: { accessEmails: [OWNER.email], accessEmailDomains: [] },
        };
        world.person = person;
        world.storage.all = [backup("web-shop")];
        const response = await world.ask(method, path, { ...(body ? { body } : {}) });
        expect(`${person.email} ${method} ${path} ${response.status}`).toBe(
          `${person.email} ${method} ${path} ${status}`,
        );
        if (status !== 202) expect(world.operations.requests).toEqual([]);
        expect((await world.ask("GET", `${SHOP}/backups`)).status).toBe(status === 202 ? 200 : status);
      }
  });

  it("is refused for somebody whose right was taken meanwhile, and while the audit log can't be written", async () => {
    for (const [method, path, body] of CALLS) {
      const taken: World = new World({
        audit: {
          record: async () => {
            taken.operations.text = taken.operations.text.replace(
              "owners: [olga@example.com]",
              "owners: [zoe@example.com]",
            );
          },
          close: () => {},
        },
      });
      taken.authority = {
        ...taken.authority,
        defaults: { accessEmails: [OWNER.email], accessEmailDomains: [] },
      };
      taken.person = OWNER;
      taken.storage.all = [backup("web-shop")];
      expect((await taken.ask(method, path, { ...(body ? { body } : {}) })).status).toBe(403);
      const unwritten = new World({
        audit: { record: async () => Promise.reject(new Error("ENOSPC")), close: () => {} },
      });
      expect((await unwritten.ask(method, path, { ...(body ? { body } : {}) })).status).toBe(503);
      expect([taken.operations.requests, unwritten.operations.requests]).toEqual([[], []]);
    }
  });

  it("waits for what is done to the project already", async () => {
    const world = new World();
    await world.ask("POST", `${SHOP}/stop`);
    for (const [method, path, body] of CALLS)
      expect(await answerOf(await world.ask(method, path, { ...(body ? { body } : {}) }))).toEqual([
        409,
        expect.objectContaining({
          detail: "web-shop is busy: stop web-shop. Try again once that has ended.",
        }),
      ]);
  });

  it("is an operation without an update, audited with what was asked", async () => {
    const world = new World();
    const response = await world.ask("POST", `${SHOP}/restore`, { body: { at: "4fb1", path: "src/a.ts" } });
    expect(await answerOf(response)).toEqual([
      202,
      { operation: expect.objectContaining({ what: "restore web-shop", project: "web-shop" }) },
    ]);
    const [request] = world.operations.requests;
    expect([request?.edit, request?.afterwards, typeof request?.work]).toEqual([
      undefined,
      undefined,
      "function",
    ]);
    expect(world.begun).toEqual([
      expect.objectContaining({ act: "restore", project: "web-shop", detail: "at: 4fb1; path: src/a.ts" }),
    ]);
    expect(world.storage.asked).toEqual([]);
    expect((await doWork(world)).reports).toEqual(["restore begins", "restore goes on 50"]);
    expect(world.storage.asked).toEqual([["restore", { project: "web-shop", at: "4fb1", path: "src/a.ts" }]]);
  });
});

describe("what is asked of the storage program", () => {
  it.each<[number, string, object]>([
    [0, "backup", { project: "web-shop", reason: undefined }],
    [1, "restore", { project: "web-shop", at: "latest" }],
    [3, "checkpoint", { project: "web-shop", label: undefined }],
    [4, "rollback", { project: "web-shop", id: "before-7" }],
    [5, "drop", { project: "web-shop", id: "before-7" }],
  ])("%i: %s", async (index, verb, argument) => {
    const world = new World();
    const [method, path, body] = CALLS[index] ?? CALLS[0];
    await world.ask(method, path, { ...(body ? { body } : {}) });
    await doWork(world);
    expect(world.storage.asked).toEqual([[verb, argument]]);
  });

  it("fails the operation with its own reason", async () => {
    const world = new World();
    world.storage.refusals.set("rollback", {
      kind: "refused",
      reason: "web-shop has no checkpoint x",
      fix: "look",
    });
    await world.ask("POST", `${SHOP}/checkpoints/x/rollback`);
    await expect(doWork(world)).rejects.toThrow("web-shop: web-shop has no checkpoint x — look");
  });

  it.each<[string, object]>([
    ["restore", {}],
    ["restore", { at: "../../x" }],
    ["restore", { at: "latest", path: "/etc/shadow" }],
    ["restore", { at: "latest", path: "a/../../b" }],
    ["restore", { at: "latest", into: "Shop" }],
    ["restore", { at: "latest", into: "shop-old", path: "a" }],
    ["checkpoints", { label: "Before 7" }],
    ["fork", {}],
    ["fork", { name: "web-shop" }],
    ["fork", { name: "panel" }],
    ["fork", { name: "a", uid: 0 }],
  ])("%s with %j is refused before that", async (what, body) => {
    const world = new World();
    expect((await world.ask("POST", `${SHOP}/${what}`, { body })).status).toBe(422);
    expect(world.operations.requests).toEqual([]);
  });
});

describe("a restore", () => {
  const restoring = async (person: typeof ADMIN, body: object, all = [PUT_AWAY, EARLIER, OWN]) => {
    const world = new World();
    world.authority = {
      ...world.authority,
      defaults: { accessEmails: [OWNER.email], accessEmailDomains: [] },
    };
    world.storage.all = all;
    world.person = person;
    const { status } = await world.ask("POST", `${SHOP}/restore`, { body });
    if (status !== 202) expect(world.operations.requests).toEqual([]);
    else await doWork(world);
    const [asked] = world.storage.asked;
    return [status, (asked?.[1] as { at?: string } | undefined)?.at];
  };

  it.each([
    ["latest", "aaaa1111"],
    ["aaaa1111", "aaaa1111"],
    ["aaaa3", "aaaa3333"],
    ["2026-11-29T12:00:00Z", "aaaa1111"],
    ["2026-11-28", "aaaa1111"],
    ["2026-11-30", "aaaa3333"],
  ])("of %s by an owner is of %s, which is no earlier project's", async (at, id) => {
    expect(await restoring(OWNER, { at })).toEqual([202, id]);
    expect(await restoring(OWNER, { at, into: "shop-old" })).toEqual([202, id]);
    expect(await restoring(OWNER, { at, path: "a.ts" })).toEqual([202, id]);
  });

  it.each(["bbbb2222", "bbbb", "aaaa", "2026-11-27", "nothing"])(
    "of %s is refused to an owner",
    async (at) => {
      expect(await restoring(OWNER, { at })).toEqual([403, undefined]);
      expect(await restoring(OWNER, { at, into: "shop-old" })).toEqual([403, undefined]);
      expect(await restoring(OWNER, { at, path: "a.ts" })).toEqual([403, undefined]);
    },
  );

  it("of the newest is refused to an owner whose project has none but an earlier one's", async () => {
    expect(await restoring(OWNER, { at: "latest" }, [EARLIER])).toEqual([403, undefined]);
    expect(await restoring(OWNER, { at: "latest" }, [PUT_AWAY, EARLIER])).toEqual([202, "aaaa3333"]);
  });

  it("by an admin is of what they say", async () => {
    expect(await restoring(ADMIN, { at: "bbbb2222" })).toEqual([202, "bbbb2222"]);
    expect(await restoring(ADMIN, { at: "latest" })).toEqual([202, "latest"]);
  });
});

describe("a fork", () => {
  it("copies the files first, and then adds the entry with the original's secrets", async () => {
    const world = new World();
    await world.ask("POST", `${SHOP}/fork`, { body: { name: "shop-try", withLogins: true } });
    const { ran } = await doWork(world);
    const to = { name: "shop-try", uid: 2000, gid: 1000 };
    expect(world.storage.asked).toEqual([["fork", { from: "web-shop", to, withLogins: true }]]);
    expect(ran).toEqual([
      expect.objectContaining({ what: "create shop-try", project: "shop-try", secretsOf: "web-shop" }),
    ]);
    expect(world.operations.text).toContain("name: shop-try");
    expect(world.deleted).toEqual([]);
  });

  it("of a restore is the same with a backup's files", async () => {
    const world = new World();
    await world.ask("POST", `${SHOP}/restore`, { body: { at: "4fb1", into: "shop-old" } });
    await doWork(world);
    const into = { name: "shop-old", uid: 2000, gid: 1000 };
    expect(world.storage.asked).toEqual([["restore", { project: "web-shop", at: "4fb1", into }]]);
    expect(world.operations.text).toContain("name: shop-old");
  });

  it("leaves nothing behind if the files can't be made, and deletes them if the entry can't be added", async () => {
    const first = new World();
    first.storage.refusals.set("fork", { kind: "refused", reason: "the disk is full" });
    await first.ask("POST", `${SHOP}/fork`, { body: { name: "shop-try" } });
    await expect(doWork(first)).rejects.toThrow("the disk is full");
    expect([first.deleted, first.operations.text.includes("shop-try")]).toEqual([[], false]);

    const second = new World();
    await second.ask("POST", `${SHOP}/fork`, { body: { name: "shop-try" } });
    await expect(doWork(second, { state: "failed", error: "no image" })).rejects.toThrow("no image");
    expect([second.deleted, second.deletedWithoutBackup]).toEqual([["shop-try"], ["shop-try"]]);
  });

  it("counts to what its owner may own, and keeps what only admins change", async () => {
    const text = (limits: string) =>
      `${limits}groups: { shop: [olga@example.com] }\nprojects:\n  - name: web-shop\n    members: [shop]\n    owners: [olga@example.com]\n    resources: { memory: 4GiB }\n`;
    const world = new World();
    world.authority = {
      ...world.authority,
      defaults: { accessEmails: [OWNER.email], accessEmailDomains: [] },
    };
    world.person = OWNER;
    world.operations.text = text("");
    expect((await world.ask("POST", `${SHOP}/fork`, { body: { name: "shop-try" } })).status).toBe(202);
    await doWork(world);
    expect(world.operations.text.match(/memory: 4GiB/g)).toHaveLength(2);
    world.operations.text = text("limits: { perPerson: 1 }\n");
    world.operations.all.clear();
    expect(await answerOf(await world.ask("POST", `${SHOP}/fork`, { body: { name: "shop-two" } }))).toEqual([
      403,
      expect.objectContaining({ detail: expect.stringContaining("You own 1 project") }),
    ]);
  });

  it("takes no name that an earlier project left something behind under", async () => {
    const world = new World();
    world.workspaces.add("shop-try");
    expect(await answerOf(await world.ask("POST", `${SHOP}/fork`, { body: { name: "shop-try" } }))).toEqual([
      409,
      expect.objectContaining({ detail: expect.stringContaining("left its workspace behind") }),
    ]);
  });
});

describe("deleting with the workspace", () => {
  it("takes a last backup unless it is told not to", async () => {
    for (const [query, without] of [
      ["", []],
      ["&backup=skip", ["web-shop"]],
    ] as const) {
      const world = new World();
      await world.ask("DELETE", `${SHOP}?workspace=delete&confirm=web-shop${query}`);
      await world.operations.requests[0]?.afterwards?.(
        () => {},
        (work) => work(),
      );
      expect([world.deleted, world.deletedWithoutBackup]).toEqual([["web-shop"], without]);
      expect(world.begun[0]?.detail).toBe(
        query === "" ? "with workspace" : "with workspace, without a last backup",
      );
    }
  });

  it("hands on what the panel's end may cut off, of a project with an entry and of one without", async () => {
    for (const name of ["web-shop", "gone"]) {
      const deleteWorkspace = vi.fn(async () => {});
      const world = new World({ deleteWorkspace });
      world.workspaces.add("gone");
      await world.ask("DELETE", `/api/projects/${name}?workspace=delete&confirm=${name}`);
      const whileOpen: WhileOpen = (work) => work();
      await world.operations.requests[0]?.afterwards?.(() => {}, whileOpen);
      expect(deleteWorkspace).toHaveBeenCalledWith(name, expect.objectContaining({ whileOpen }));
    }
  });
});

describe("the list of projects", () => {
  it("says what is wrong with backups, to whoever may do something about it", async () => {
    const note = { last: "2026-11-28T03:00:00.000Z", problem: "its newest backup is of 2026-11-28" };
    const world = new World({
      backups: { of: ({ name, isExcluded }) => (name === "web-shop" && !isExcluded ? note : undefined) },
    });
    const first = async () => {
      const { projects } = (await (await world.ask("GET", "/api/projects")).json()) as {
        projects: { backup?: object }[];
      };
      return projects[0]?.backup;
    };
    for (const person of [ADMIN, OWNER]) {
      world.person = person;
      expect(await first()).toEqual(note);
    }
    world.person = MEMBER;
    expect(await first()).toBeUndefined();
    world.person = ADMIN;
    world.operations.text = NEVER;
    expect(await first()).toBeUndefined();
  });
});
