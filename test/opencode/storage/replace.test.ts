/** Replacing a project's parts: what comes before and after, and what is back when it fails. */
import { cpSync, existsSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import {
  fill,
  kept,
  load,
  makeStorageWorld,
  partPath,
  putProject,
  removeProject,
  type StorageWorld,
  startStorage,
  words,
} from "../../support/opencode/storage-world.ts";
import { removeFolder, temporaryFolder } from "../../support/temporary.ts";

const { makeLocks } = await load("locks");
const PROJECT = "web";
let folder = "";
let world: StorageWorld;
beforeEach(() => {
  folder = temporaryFolder();
  world = makeStorageWorld(folder);
});
afterEach(() => removeFolder(folder));

const ALL = (word: string) => [word, word, word];

/** A project that has `old`, and what is prepared for it. */
async function prepared(state: Parameters<typeof putProject>[2] = "awake") {
  putProject(world, PROJECT, state);
  fill(world, PROJECT, "old");
  fill(world, "source", "new");
  const program = await startStorage(world);
  await program.left;
  const { context } = program;
  const ready = join(context.paths.work(PROJECT), "restore");
  await context.copyParts("source", ready);
  const replace = (): Promise<{ replaced: string[] }> =>
    context.lock(PROJECT, "restore", () => context.replace(PROJECT, ready, { reason: "restore" }));
  return { program, context, ready, replace };
}

it("stops the project, swaps all parts, starts it, and deletes what was there", async () => {
  const { replace } = await prepared();
  world.keeper.on = (verb) => {
    if (verb === "unpark") expect(words(world, PROJECT)).toEqual(ALL("new"));
    if (verb === "park") expect(words(world, PROJECT)).toEqual(ALL("old"));
  };
  expect(await replace()).toEqual({ replaced: ["workspace", "home", "services"] });
  expect(world.keeper.asked).toEqual([`park ${PROJECT}`, `unpark ${PROJECT}`]);
  expect(words(world, PROJECT)).toEqual(ALL("new"));
  expect([kept(world, "work", PROJECT), kept(world, "journal")]).toEqual([[], []]);
});

it("leaves parts that are not prepared", async () => {
  const { replace, ready } = await prepared();
  rmSync(join(ready, "home"), { recursive: true });
  expect(await replace()).toEqual({ replaced: ["workspace", "services"] });
  expect(words(world, PROJECT)).toEqual(["new", "old", "new"]);
});

it("puts parts into places that are not there yet, and takes them out again if that fails", async () => {
  const { replace } = await prepared();
  for (const part of ["home", "services"])
    rmSync(join(partPath(world, PROJECT, part), ".."), { recursive: true });
  world.keeper.answers = (project) => words(world, project)[1] === "none";
  await expect(replace()).rejects.toThrow("does not answer");
  expect(words(world, PROJECT)).toEqual(["old", "none", "none"]);
});

it("has what was there back, and runs it, where the project does not answer with what is new", async () => {
  const { replace } = await prepared();
  world.keeper.answers = (project) => words(world, project)[0] === "old";
  await expect(replace()).rejects.toThrow(
    "web does not answer with what it was given; what was there before is back",
  );
  expect(words(world, PROJECT)).toEqual(ALL("old"));
  expect(world.keeper.asked.filter((each) => each.startsWith("unpark"))).toHaveLength(2);
  expect(world.keeper.leases.size).toBe(0);
  expect([kept(world, "work", PROJECT), kept(world, "journal")]).toEqual([[], []]);
});

it.each(["stopped", "waiting"] as const)("expects no answer of a project that is %s", async (state) => {
  const { replace } = await prepared(state);
  world.keeper.answers = () => false;
  await replace();
  expect(words(world, PROJECT)).toEqual(ALL("new"));
});

it("changes nothing where the keeper does not stop the project, and asks nothing more of it", async () => {
  const { replace } = await prepared();
  world.keeper.refuses.set("park", "Docker does not answer.");
  await expect(replace()).rejects.toThrow(/Docker does not answer.*what was there before is back/);
  expect(words(world, PROJECT)).toEqual(ALL("old"));
  expect(world.keeper.asked).toEqual([`park ${PROJECT}`]);
  expect(kept(world, "journal")).toEqual([]);
});

it("goes on undoing where the keeper can't for a while", async () => {
  const { replace, context } = await prepared();
  world.keeper.answers = (project) => words(world, project)[0] === "old";
  world.keeper.on = (verb) => {
    if (verb === "unpark") world.keeper.refuses.set("park", "Docker does not answer.");
  };
  await expect(replace()).rejects.toThrow("not back yet, which is tried again each minute");
  expect([words(world, PROJECT), kept(world, "journal")]).toEqual([ALL("new"), ["web.json"]]);
  await expect(
    context.lock(PROJECT, "restore", () => context.replace(PROJECT, "/", { reason: "again" })),
  ).rejects.toThrow("web is being put back");
  expect(await context.recover()).toBe(1);
  world.keeper.refuses.clear();
  expect(await context.recover()).toBe(0);
  expect([words(world, PROJECT), kept(world, "journal")]).toEqual([ALL("old"), []]);
});

it("is done without the keeper for a name that the keeper does not know", async () => {
  fill(world, "source", "new");
  const { context, left } = await startStorage(world);
  await left;
  const ready = join(context.paths.work("fresh"), "restore");
  await context.copyParts("source", ready);
  await context.lock("fresh", "restore", () => context.replace("fresh", ready, { reason: "restore" }));
  expect(words(world, "fresh")).toEqual(ALL("new"));
  expect(world.keeper.asked).toEqual([]);
});

/** A replacement that could not be undone: the project has parts of both. */
async function halfDone() {
  const all = await prepared();
  world.keeper.answers = (project) => words(world, project)[0] === "old";
  world.keeper.on = (verb) => {
    if (verb === "unpark") world.keeper.refuses.set("park", "Docker does not answer.");
  };
  await expect(all.replace()).rejects.toThrow("not back yet");
  world.keeper.refuses.clear();
  world.keeper.on = () => {};
  world.keeper.asked.length = 0;
  return all;
}

it("is undone without the keeper once the project's entry is removed, before anybody gets its name", async () => {
  const { context } = await halfDone();
  removeProject(world, PROJECT);
  expect(await context.recover()).toBe(0);
  expect([words(world, PROJECT), kept(world, "journal")]).toEqual([ALL("old"), []]);
  expect(world.keeper.asked).toEqual([]);
});

it("is undone while the project is stopped, where it got its entry after the interruption", async () => {
  const { context, ready, replace } = await prepared();
  removeProject(world, PROJECT);
  const rename = context.machine.rename;
  // Ends once the new workspace is in.
  context.machine.rename = async (from: string, to: string) => {
    await rename(from, to);
    if (from === join(ready, "workspace")) await new Promise(() => {});
  };
  void replace();
  await expect.poll(() => words(world, PROJECT)).toEqual(["new", "old", "old"]);
  putProject(world, PROJECT, "awake");
  const next = await startStorage(world);
  expect(await next.left).toBe(0);
  expect(words(world, PROJECT)).toEqual(ALL("old"));
  expect(world.keeper.asked).toEqual([`park ${PROJECT}`, `unpark ${PROJECT}`]);
});

it.each(["set aside", "deleted"])(
  "touches nothing of a new project of the name, where the files were %s before it was undone",
  async (how) => {
    const { context } = await halfDone();
    const parts = ["workspace", "home", "services"];
    for (const part of parts)
      if (how === "deleted") rmSync(partPath(world, PROJECT, part), { recursive: true });
      else renameSync(partPath(world, PROJECT, part), partPath(world, "web.removed-20261130T130000Z", part));
    fill(world, PROJECT, "another");
    // An end on the way changes nothing of that.
    const rename = context.machine.rename;
    let count = 0;
    context.machine.rename = async (from: string, to: string) => {
      count += 1;
      if (count === 2) throw new Error("ended");
      return rename(from, to);
    };
    expect(await context.recover()).toBe(1);
    context.machine.rename = rename;
    expect(await context.recover()).toBe(0);
    expect(words(world, PROJECT)).toEqual(ALL("another"));
    // Of the earlier one nothing is lost.
    expect(words(world, "web.removed-20261130T120000Z")).toEqual(ALL("old"));
    expect([kept(world, "journal"), kept(world, "work", PROJECT), world.keeper.asked]).toEqual([[], [], []]);
  },
);

it("is undone in a copy of the whole disk, too, where no file is known again", async () => {
  const { context } = await halfDone();
  cpSync(world.root, join(folder, "copy"), { recursive: true });
  rmSync(world.root, { recursive: true });
  renameSync(join(folder, "copy"), world.root);
  expect(await context.recover()).toBe(0);
  expect(words(world, PROJECT)).toEqual(ALL("old"));
});

it("lets nothing else be done to a project that has parts of both, until it is put back", async () => {
  const { context, program } = await halfDone();
  const refused = { message: expect.stringContaining("web is being put back"), fix: expect.any(String) };
  const fork = { from: PROJECT, to: "try", uid: 1, gid: 1 };
  await expect(context.lock(PROJECT, "backup", async () => "copied")).rejects.toMatchObject(refused);
  await expect(program.ask("checkpoint", { project: PROJECT })).rejects.toMatchObject(refused);
  await expect(program.ask("fork", fork)).rejects.toMatchObject(refused);
  await expect(program.ask("fork", { ...fork, from: "source", to: PROJECT })).rejects.toMatchObject(refused);
  expect([context.running(), kept(world, "checkpoints", PROJECT)]).toEqual([[], []]);
  expect(await context.recover()).toBe(0);
  expect(await context.lock(PROJECT, "backup", async () => "copied")).toBe("copied");
});

it("lets a project be copied that only has something to be removed", async () => {
  const { context, replace } = await prepared();
  const remove = context.machine.remove;
  context.machine.remove = async (path: string) => {
    if (path.includes("/aside-")) throw new Error("busy");
    return remove(path);
  };
  await replace();
  expect(kept(world, "journal")).toEqual(["web.json"]);
  expect(await context.lock(PROJECT, "backup", async () => "copied")).toBe("copied");
  context.machine.remove = remove;
  expect([await context.recover(), kept(world, "journal")]).toEqual([0, []]);
});

it("gives the project the life of a backup, and else lets its own go on", async () => {
  const { context, replace, ready } = await prepared();
  const life = await context.lives.of(PROJECT);
  await replace();
  expect(await context.lives.all(PROJECT)).toEqual([life]);
  await context.copyParts("source", ready);
  const given = "0123456789abcdef";
  await context.lock(PROJECT, "restore", () =>
    context.replace(PROJECT, ready, { reason: "restore", life: given }),
  );
  expect(await context.lives.all(PROJECT)).toEqual([life, given]);
});

it("needs the project's lock, and something prepared", async () => {
  const { context } = await prepared();
  await expect(context.replace(PROJECT, folder, { reason: "restore" })).rejects.toThrow("is not locked");
  await expect(
    context.lock(PROJECT, "restore", () => context.replace(PROJECT, folder, { reason: "restore" })),
  ).rejects.toThrow("nothing is prepared");
  expect(existsSync(join(world.root, ".storage/journal/web.json"))).toBe(false);
});

it("lets one operation on a project go on at a time, and says which does", async () => {
  const locks = makeLocks(() => new Date("2026-11-30T12:00:00Z"));
  const { promise, resolve } = Promise.withResolvers<void>();
  const first = locks.lock("web", "backup", () => promise);
  expect(locks.running()).toEqual([{ project: "web", what: "backup", since: "2026-11-30T12:00:00.000Z" }]);
  await expect(locks.lock("web", "roll-back", async () => {})).rejects.toMatchObject({
    message: "web is busy: backup since 2026-11-30T12:00:00.000Z",
    fix: expect.stringContaining("try again"),
  });
  expect(await locks.lock("api", "backup", async () => "done")).toBe("done");
  resolve();
  await first;
  expect(locks.running()).toEqual([]);
});
