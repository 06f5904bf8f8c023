/** Lives: which project of a name the files are, that have had it one after the other. */
import { cpSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import {
  fill,
  forget,
  load,
  makeStorageWorld,
  partPath,
  type StorageWorld,
} from "../../support/opencode/storage-world.ts";
import { removeFolder, temporaryFolder } from "../../support/temporary.ts";

const { makeContext } = await load("context");
const PROJECT = "web";
const ASIDE = "web.removed-20261130T120000Z";
const GIVEN = "0123456789abcdef";
let folder = "";
let world: StorageWorld;
/** Of a program that has just started. */
const start = () => makeContext(world).lives;
const home = (name = PROJECT) => partPath(world, name, "home");
beforeEach(() => {
  folder = temporaryFolder();
  world = makeStorageWorld(folder);
  fill(world, PROJECT, "first");
});
afterEach(() => removeFolder(folder));

it("are of the files: written to, renamed and put back they have the same; without a home there is none", async () => {
  const life = await start().of(PROJECT);
  expect(life).toMatch(/^[0-9a-f]{16}$/);
  writeFileSync(join(home(), "more"), "");
  renameSync(home(), home(ASIDE));
  expect(await start().of(PROJECT)).toBeUndefined();
  expect(await start().all(PROJECT)).toEqual([]);
  renameSync(home(ASIDE), home());
  expect(await start().of(PROJECT)).toBe(life);
});

it("are another one for another project's files of the name, however alike", async () => {
  const lives = start();
  const first = await lives.of(PROJECT);
  cpSync(home(), home("copy"), { recursive: true, preserveTimestamps: true });
  forget(world, PROJECT);
  renameSync(home("copy"), home());
  const second = await lives.of(PROJECT);
  expect([second === first, await lives.of(PROJECT)]).toEqual([false, second]);
  expect(await lives.of("api")).toBeUndefined();
});

it("are one where two ask at the same time", async () => {
  const lives = start();
  expect(new Set(await Promise.all([lives.of(PROJECT), lives.of(PROJECT), lives.of(PROJECT)])).size).toBe(1);
});

it("are told by the number of a subvolume, which alone is another in a snapshot", async () => {
  // The kernel gives every subvolume the same inode, and a snapshot the time of what it is of.
  let number = "257";
  const subvolumes = { idOf: async () => number };
  const { makeLives } = await load("lives");
  const { machine, paths } = makeContext(world);
  const lives = makeLives({ paths, machine, subvolumes, isSubvolume: async () => true });
  const first = await lives.of(PROJECT);
  number = "258";
  expect(await lives.of(PROJECT)).not.toBe(first);
  number = "257";
  expect(await lives.of(PROJECT)).toBe(first);
});

it("go on in what replaces them, which gets that of a backup besides", async () => {
  const lives = start();
  const life = await lives.of(PROJECT);
  mkdirSync(join(folder, "prepared"));
  await lives.prepare(PROJECT, join(folder, "prepared"), GIVEN);
  expect(await lives.of(PROJECT)).toBe(life);
  rmSync(home(), { recursive: true });
  renameSync(join(folder, "prepared"), home());
  expect([await start().of(PROJECT), await start().all(PROJECT)]).toEqual([GIVEN, [life, GIVEN]]);
});

it("begin anew in what replaces nothing, and are adopted by what is there", async () => {
  const lives = start();
  mkdirSync(join(folder, "prepared"));
  await lives.prepare("try", join(folder, "prepared"));
  renameSync(join(folder, "prepared"), home("try"));
  const life = await lives.of("try");
  expect(life).toMatch(/^[0-9a-f]{16}$/);
  await lives.adopt("try", GIVEN);
  await lives.adopt("try", GIVEN);
  expect([await lives.of("try"), await lives.all("try")]).toEqual([GIVEN, [life, GIVEN]]);
  await expect(lives.adopt("try", "../x")).rejects.toThrow("is no life");
});

it("are found of what is set aside, and those of what is deleted are not", async () => {
  const lives = start();
  const first = await lives.of(PROJECT);
  renameSync(home(), home(ASIDE));
  fill(world, PROJECT, "second");
  const second = await lives.of(PROJECT);
  expect(await lives.ofHomes(PROJECT, [home(), home(ASIDE)])).toEqual(new Set([first, second]));
  rmSync(home(ASIDE), { recursive: true });
  expect(await lives.ofHomes(PROJECT, [home(), home(ASIDE)])).toEqual(new Set([second]));
});
