/** Checkpoints: taken, listed, kept, rolled back to, dropped. */
import { renameSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  fill,
  forget,
  kept,
  load,
  makeStorageWorld,
  partPath,
  putProject,
  type StorageWorld,
  startStorage,
  words,
} from "../../support/opencode/storage-world.ts";
import { removeFolder, temporaryFolder } from "../../support/temporary.ts";

const { surplus } = await load("checkpoints");
const { sweep } = await load("sweep");
const PROJECT = "web";
const ALL = (word: string) => [word, word, word];
let folder = "";
let world: StorageWorld;
let ask: Awaited<ReturnType<typeof startStorage>>["ask"];
let context: Awaited<ReturnType<typeof startStorage>>["context"];
beforeEach(async () => {
  folder = temporaryFolder();
  world = makeStorageWorld(folder);
  putProject(world, PROJECT, "awake");
  fill(world, PROJECT, "first");
  const program = await startStorage(world);
  await program.left;
  ({ ask, context } = program);
});
afterEach(() => removeFolder(folder));

const take = (more: object = {}) => ask("checkpoint", { project: PROJECT, ...more });
const labels = async () =>
  ((await ask("checkpoints", { project: PROJECT })) as { label: string }[]).map(({ label }) => label);

it("are of one moment: the project is held while they are taken", async () => {
  world.keeper.on = () => expect(kept(world, "checkpoints", PROJECT)).toEqual([]);
  const checkpoint = await take({ label: "good" });
  expect(world.keeper.asked).toEqual([`hold ${PROJECT}`, `hold ${PROJECT}`, `release ${PROJECT}`]);
  expect(checkpoint).toEqual({
    id: "20261130-120000",
    at: "2026-11-30T12:00:00.000Z",
    label: "good",
    reason: "asked",
    bytes: expect.any(Number),
  });
  expect(await ask("checkpoints", { project: PROJECT })).toEqual([checkpoint]);
  expect(kept(world, "checkpoints", PROJECT, "20261130-120000")).toEqual([
    "home",
    "meta.json",
    "services",
    "workspace",
  ]);
});

it("are refused where the project went on meanwhile, and leave nothing", async () => {
  let holds = 0;
  world.keeper.on = (verb) => {
    if (verb === "hold" && ++holds === 2) world.keeper.leases.clear();
  };
  await expect(take()).rejects.toThrow("web went on while its files were copied");
  expect([await labels(), world.keeper.leases.size]).toEqual([[], 0]);
});

it("have an id of their own in the same second, and a label that is free", async () => {
  await take();
  await take();
  expect(await labels()).toEqual(["20261130-120000", "20261130-120001"]);
  await take({ label: "good" });
  await expect(take({ label: "good" })).rejects.toThrow("web has a checkpoint good");
  await expect(take({ label: "20261130-120000" })).rejects.toThrow("web has a checkpoint 20261130-120000");
  await expect(take({ label: "Good!" })).rejects.toThrow("label: use");
  // What a program takes of its own accord never fails over that.
  await take({ reason: "before-move" });
  await take({ reason: "before-move" });
  expect((await labels()).slice(-2)).toEqual(["before-move", "before-move-2"]);
  // By itself none where a project would have to be copied for it.
  for (const reason of ["before-setup", "before-upgrade"])
    await expect(take({ reason })).rejects.toThrow("web would have to be copied");
});

it("are as many as the project's entry says, five by default", async () => {
  for (let count = 0; count < 7; count += 1) await take();
  expect(await labels()).toHaveLength(5);
  putProject(world, PROJECT, "awake", { checkpoints: 2 });
  await take({ label: "last" });
  expect(await labels()).toEqual(["20261130-120006", "last"]);
  putProject(world, PROJECT, "awake", { checkpoints: 0 });
  await expect(take()).rejects.toMatchObject({ message: "web has no checkpoints", fix: expect.any(String) });
  expect(kept(world, "work", PROJECT)).toEqual([]);
});

describe("too many of them", () => {
  const of = (id: string, reason: string, label = id) => ({ id, at: id, label, reason });
  const others = [
    of("1", "asked", "good"),
    of("2", "asked"),
    of("3", "before-rollback", "before-rollback"),
    of("4", "asked"),
    of("5", "before-setup"),
  ];
  const ids = (reason: string, kept: number, spared: string[] = []) =>
    surplus([...others, of("6", reason)], kept, new Set(spared)).map(({ id }: { id: string }) => id);

  it("are removed oldest first, those that a person has named last, and never the new one", () => {
    const asked = [6, 5, 2, 1].map((kept) => ids("asked", kept));
    expect(asked).toEqual([[], ["2"], ["2", "3", "4", "5"], ["2", "3", "4", "5", "1"]]);
  });
  it("leave those that are needed now", () => {
    expect(ids("asked", 2, ["2", "4"])).toEqual(["3", "5", "1"]);
    expect(ids("before-rollback", 1, ["3"])).toEqual(["5"]);
  });
  it("leave what a person has asked for where a program has taken the new one", () => {
    expect([6, 5, 1].map((kept) => ids("before-setup", kept))).toEqual([[], ["3"], ["3", "5"]]);
  });

  it("are one more than the entry says after a program's, and a person's is told what had to go for it", async () => {
    putProject(world, PROJECT, "awake", { checkpoints: 2 });
    await take({ label: "one" });
    expect(await take({ label: "two" })).not.toHaveProperty("dropped");
    await take({ reason: "before-move" });
    await take({ reason: "before-end" });
    expect(await labels()).toEqual(["one", "two", "before-end"]);
    expect(await take({ label: "three" })).toMatchObject({ label: "three", dropped: ["one"] });
    expect(await labels()).toEqual(["two", "three"]);
  });
});

describe("rolling back", () => {
  it("brings back all parts, by label or id, and takes a checkpoint of what was there", async () => {
    const good = (await take({ label: "good" })) as { id: string };
    fill(world, PROJECT, "second");
    expect(await ask("rollback", { project: PROJECT, id: "good" })).toMatchObject({
      before: { label: "before-rollback", reason: "before-rollback" },
      replaced: ["workspace", "home", "services"],
    });
    expect(words(world, PROJECT)).toEqual(ALL("first"));
    await ask("rollback", { project: PROJECT, id: "before-rollback" });
    expect(words(world, PROJECT)).toEqual(ALL("second"));
    await ask("rollback", { project: PROJECT, id: good.id });
    expect(words(world, PROJECT)).toEqual(ALL("first"));
    expect(await labels()).toEqual(["good", "before-rollback", "before-rollback-2", "before-rollback-3"]);
  });

  it("keeps the one that it goes back to, however old", async () => {
    const oldest = (await take()) as { id: string };
    for (let count = 0; count < 4; count += 1) await take();
    fill(world, PROJECT, "second");
    await ask("rollback", { project: PROJECT, id: oldest.id });
    expect(words(world, PROJECT)).toEqual(ALL("first"));
    expect((await labels())[0]).toBe(oldest.id);
  });

  it("says which there are where there is no such one", async () => {
    await expect(ask("rollback", { project: PROJECT, id: "x" })).rejects.toMatchObject({
      fix: "it has none yet",
    });
    await take({ label: "good" });
    await expect(ask("rollback", { project: PROJECT, id: "x" })).rejects.toMatchObject({
      message: "web has no checkpoint x",
      fix: "it has good",
    });
  });
});

describe("once the project's files are gone", () => {
  const name = (from: string, to: string) => {
    for (const part of ["workspace", "home", "services"])
      renameSync(partPath(world, from, part), partPath(world, to, part));
  };
  const ASIDE = "web.removed-20261130T120000Z";

  it("are removed, and only then", async () => {
    await take();
    await sweep(context);
    expect(kept(world, "checkpoints")).toEqual([PROJECT]);
    forget(world, PROJECT);
    await context.lock(PROJECT, "restore", () => sweep(context));
    expect(kept(world, "checkpoints")).toEqual([PROJECT]);
    await sweep(context);
    expect(kept(world, "checkpoints")).toEqual([]);
  });

  it("are not a new project's of the name, at once, and are there again where the files are put back", async () => {
    await take({ label: "good" });
    name(PROJECT, ASIDE);
    fill(world, PROJECT, "another");
    // Before anybody looks after them.
    expect(await labels()).toEqual([]);
    await expect(ask("rollback", { project: PROJECT, id: "good" })).rejects.toThrow("no checkpoint good");
    await expect(ask("drop", { project: PROJECT, id: "good" })).rejects.toThrow("no checkpoint good");
    await take({ label: "good" });
    expect(kept(world, "checkpoints", PROJECT)).toEqual(["20261130-120000", "20261130-120001"]);
    await sweep(context);
    forget(world, PROJECT);
    name(ASIDE, PROJECT);
    expect(await labels()).toEqual(["good"]);
    await sweep(context);
    expect(kept(world, "checkpoints", PROJECT)).toEqual(["20261130-120000"]);
    await ask("rollback", { project: PROJECT, id: "good" });
    expect(words(world, PROJECT)).toEqual(ALL("first"));
  });

  it("are removed with what is set aside, and take no room of a new project's before", async () => {
    putProject(world, PROJECT, "awake", { checkpoints: 1 });
    await take();
    name(PROJECT, ASIDE);
    fill(world, PROJECT, "another");
    await take();
    await sweep(context);
    expect(kept(world, "checkpoints", PROJECT)).toHaveLength(2);
    forget(world, ASIDE);
    await sweep(context);
    expect(kept(world, "checkpoints", PROJECT)).toEqual(["20261130-120001"]);
    expect(world.said).toContain(
      "web: its checkpoint 20261130-120000 is removed with the files that it is of",
    );
  });

  it("leave nothing of the name behind", async () => {
    await take();
    await ask("fork", { from: PROJECT, to: "try", uid: process.getuid?.(), gid: process.getgid?.() });
    forget(world, PROJECT);
    await sweep(context);
    expect([kept(world, "checkpoints"), kept(world, "lives")]).toEqual([[], ["try.json"]]);
  });

  it("are not a fork's", async () => {
    await take({ label: "good" });
    await ask("fork", { from: PROJECT, to: "try", uid: process.getuid?.(), gid: process.getgid?.() });
    expect(await ask("checkpoints", { project: "try" })).toEqual([]);
    expect(await context.lives.of("try")).not.toBe(await context.lives.of(PROJECT));
  });
});

it("are dropped by label or id, and by nothing else", async () => {
  await take({ label: "good" });
  await expect(ask("drop", { project: PROJECT, id: "../web" })).rejects.toThrow("no checkpoint");
  expect(await ask("drop", { project: PROJECT, id: "good" })).toMatchObject({ label: "good" });
  expect([await labels(), kept(world, "work", PROJECT)]).toEqual([[], []]);
});

it.each([undefined, "", "..", ".data", "a/b", "A", 7])("are of no project called %j", async (project) => {
  for (const verb of ["checkpoint", "checkpoints", "rollback", "drop"])
    await expect(ask(verb, { project, id: "x" })).rejects.toThrow(
      "project: the name of a project is missing or invalid",
    );
});
