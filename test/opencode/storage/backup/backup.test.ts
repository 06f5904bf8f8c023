/** Backups of projects: what is taken, when, what is told of it. restic is a stand-in; test/suites/lifecycle/backup.test.ts has the real one. */
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  type BackupSeen,
  type BackupWorld,
  backupModule,
  makeBackupWorld,
  type WorldOptions,
} from "../../../support/storage/backup.ts";
import { removeFolder, temporaryFolder } from "../../../support/temporary.ts";

const HOUR = 3_600_000;
const DATABASE = "home/.local/share/opencode/opencode.db";
let folder: string;
let world: BackupWorld;
const begin = async (options: WorldOptions = {}) => {
  world = await makeBackupWorld(folder, options);
  world.add("shop", {
    "workspace/src/app.ts": "one",
    "workspace/node_modules/left/index.js": "made again",
    "home/.cache/big": "made again",
    "home/.local/share/opencode-platform/release": "1.18.5\n",
    [DATABASE]: "database",
    [`${DATABASE}-wal`]: "not yet in it",
    [`${DATABASE}-shm`]: "memory",
  });
};
beforeEach(async () => {
  folder = temporaryFolder();
  await begin();
});
afterEach(() => removeFolder(folder));

const backup = (argument = {}) => world.ask<BackupSeen[]>("backup", argument);
const backups = (argument = {}) => world.ask<BackupSeen[]>("backups", argument);
const verbs = () => world.asked().map(({ verb }) => verb);
/** Whether a path is in a backup. */
const has = async (index: number, path: string) => {
  const { readdirSync } = await import("node:fs");
  const data = join(world.repository, "data");
  const all = (await backups()).map(({ id }) => readdirSync(data).find((name) => name.startsWith(id)) ?? "");
  return existsSync(join(data, all.at(index) ?? "", path));
};

it("says what to do where nobody has set them up, whatever is asked", async () => {
  const { makeBackup } = await backupModule<{
    makeBackup(...args: unknown[]): typeof world & { verbs: object };
  }>("index");
  const { verbs: all } = makeBackup({}, undefined) as unknown as {
    verbs: Record<string, () => Promise<void>>;
  };
  expect(Object.keys(all).sort()).toEqual(["backup", "backups", "check", "forget", "restore", "try"]);
  for (const verb of Object.values(all))
    await expect(verb()).rejects.toMatchObject({
      message: "backups are not set up",
      fix: "set opencode-platform:backup in Pulumi.<stack>.yaml (docs/backup.md)",
    });
});

describe("a backup", () => {
  it("makes the repository, and has what a person made: the database as it stood still, under names that stay", async () => {
    const [made] = await backup();
    expect(made).toMatchObject({ project: "shop", reason: "manual", release: "1.18.5", added: 17 });
    expect(verbs()).toEqual(["snapshots", "init", "backup"]);
    expect(world.done).toEqual(["hold shop", "release shop"]);
    expect(await has(0, "workspace/src/app.ts")).toBe(true);
    expect(await has(0, `database/${DATABASE}`)).toBe(true);
    expect(await has(0, `database/${DATABASE}-wal`)).toBe(true);
    for (const path of [
      "workspace/node_modules",
      "home/.cache",
      DATABASE,
      `${DATABASE}-wal`,
      `${DATABASE}-shm`,
    ])
      expect([path, await has(0, path)]).toEqual([path, false]);
    expect(existsSync(join(world.own, "work/shop/backup"))).toBe(false);
  });

  it("counts what is in it, is listed with that by a program that knows nothing else, and leaves the passwords out of words", async () => {
    await backup();
    const [listed] = await backups({ project: "shop" });
    // app.ts, the release, the database and its journal.
    expect(listed).toMatchObject({
      project: "shop",
      bytes: 3 + 7 + 8 + 13,
      reason: "manual",
      release: "1.18.5",
    });
    expect(JSON.stringify(world.asked())).not.toContain("correct horse");
    expect(await backups({ project: "other" })).toEqual([]);
  });

  it("is told: what there is, and since when", async () => {
    const [made] = await backup();
    expect(world.told()).toMatchObject({ to: "a folder", everyMs: 24 * HOUR });
    const at = world.context.now().toISOString();
    expect(world.told().projects.shop).toEqual({ since: at, last: { ...made, at } });
  });

  it("is not made where nothing has changed: the last one is as good, and is of now", async () => {
    const [first] = await backup();
    world.write("shop", {
      "workspace/node_modules/left/index.js": "made another time",
      "home/.cache/more": "",
    });
    world.later(HOUR);
    expect(await backup()).toEqual([{ ...first, at: expect.any(String), unchanged: true }]);
    expect(verbs().filter((verb) => verb === "backup")).toHaveLength(1);
    expect(world.told().projects.shop?.last?.at).toBe(world.context.now().toISOString());
    world.write("shop", { "workspace/src/app.ts": "two" });
    const [second] = await backup();
    expect(second?.unchanged).toBeUndefined();
    expect(world.asked().at(-1)?.words).toContain(first?.id);
  });

  it("is made where the last one is gone from the repository", async () => {
    const [first] = await backup();
    await (await import("node:fs/promises")).writeFile(join(world.repository, "snapshots.json"), "[]");
    expect((await backup())[0]?.id).not.toBe(first?.id);
  });

  it("leaves out what the stack and the project say", async () => {
    await begin({ config: { exclude: ["dist"] } });
    world.add(
      "shop",
      {
        "workspace/dist/a": "",
        "workspace/web/assets/raw/b": "",
        "workspace/c.iso": "",
        "workspace/data/d": "",
        "workspace/web/data/e": "",
      },
      { storage: { exclude: ["*.iso", "assets/raw", "/workspace/data"] } },
    );
    await backup();
    const paths = ["workspace/dist", "workspace/web/assets/raw", "workspace/c.iso", "workspace/data"];
    for (const path of paths) expect([path, await has(0, path)]).toEqual([path, false]);
    expect(await has(0, "workspace/web/data/e")).toBe(true);
  });

  it("has an empty workspace, and what services keep", async () => {
    world.add("new", {});
    world.write("new", { "services/db/data/pg": "rows" });
    await backup({ project: "new" });
    expect(await has(0, "workspace")).toBe(true);
    expect(await has(0, "services/db/data/pg")).toBe(true);
  });

  it("is of all projects with files but those that say never", async () => {
    world.add("one", { "workspace/a": "" });
    world.add("never", { "workspace/a": "" }, { storage: { backup: "never" } });
    world.projects.set("unmade", { project: "unmade" });
    expect((await backup()).map(({ project }) => project)).toEqual(["one", "shop"]);
    await expect(backup({ project: "never" })).rejects.toThrow("never is never backed up");
  });

  it("keeps the lock of its project meanwhile, and waits for no other operation", async () => {
    world.held.set("shop", "restore");
    await expect(backup()).rejects.toThrow("shop is busy: restore");
    expect(Object.keys(world.told().projects.shop ?? {})).toEqual(["since"]);
  });
});

describe("a backup that fails", () => {
  it.each([
    [
      "full",
      "Save(<data/1a2b>) returned error: QuotaExceeded: no room",
      "there is no room left where backups are kept",
      "enlarge it",
    ],
    [
      "refused",
      "Fatal: unable to open repository: Access Denied.",
      "the key is refused",
      "set opencode-platform:backupKeyId",
    ],
    ["strange", "Fatal: the moon is full", "backup of shop: the moon is full", undefined],
  ])("says why and what to do: %s", async (_, text, what, fix) => {
    await backup();
    world.write("shop", { "workspace/b": "" });
    world.restic({ backup: { text } });
    const error = await backup().catch((reason: Error & { fix?: string }) => reason);
    expect(error).toBeInstanceOf(Error);
    expect((error as Error).message).toContain(what);
    if (fix) expect((error as { fix?: string }).fix).toContain(fix);
    const { last, failed } = world.told().projects.shop ?? {};
    expect(last?.project).toBe("shop");
    expect(failed?.what).toContain(what);
  });

  it("of one project leaves the others theirs; of the repository, the others are not tried", async () => {
    for (const name of ["a", "b"]) world.add(name, { "workspace/a": "" });
    world.restic({ backup: { text: "Fatal: this project alone", times: 1 } });
    await expect(backup()).rejects.toThrow("a: backup of a: this project alone");
    const { projects } = world.told();
    expect(
      Object.keys(projects)
        .filter((name) => projects[name]?.last)
        .sort(),
    ).toEqual(["b", "shop"]);
    for (const name of ["a", "b"]) world.write(name, { "workspace/more": "" });
    world.restic({ backup: { text: "write: no space left on device" } });
    await expect(backup()).rejects.toThrow("a: backup of a: there is no room left where backups are kept");
    expect(world.told().projects.b?.failed?.what).toContain("no room left");
    expect(world.asked().filter(({ verb }) => verb === "backup")).toHaveLength(4);
  });

  it("with another password is told of each project", async () => {
    await backup();
    writeFileSync(join(world.repository, "password"), "another");
    await expect(backup()).rejects.toMatchObject({ fix: expect.stringContaining("backupPassword") });
    expect(world.told().projects.shop?.failed?.what).toContain("the repository has another password");
  });

  it("does not begin a new repository where there was one", async () => {
    await backup();
    const { rmSync } = await import("node:fs");
    rmSync(world.repository, { recursive: true });
    await expect(backup()).rejects.toThrow("the repository is no longer there");
    expect(existsSync(world.repository)).toBe(false);
  });

  it("was killed: what it left is taken away, and the next one goes on", async () => {
    world.restic({ backup: { text: "", code: "SIGKILL" } });
    await expect(backup()).rejects.toThrow("backup of shop: restic was killed (SIGKILL)");
    world.restic({});
    expect(await backup()).toHaveLength(1);
  });
});

describe("by itself", () => {
  it("takes what is due, thins out, and checks once a week", async () => {
    await backup({ reason: "schedule" });
    expect(verbs().slice(-4)).toEqual(["snapshots", "forget", "prune", "check"]);
    expect(world.told().check).toMatchObject({ ok: true });
    const before = verbs().length;
    world.write("shop", { "workspace/b": "" });
    world.later(20 * HOUR);
    expect(await backup({ reason: "schedule" })).toEqual([]);
    expect(verbs()).toHaveLength(before);
    world.later(4 * HOUR);
    expect(await backup({ reason: "schedule" })).toHaveLength(1);
    expect(verbs().filter((verb) => verb === "check")).toHaveLength(1);
    world.later(7 * 24 * HOUR);
    await backup({ reason: "schedule" });
    const subsets = world
      .asked()
      .filter(({ verb }) => verb === "check")
      .map(({ words }) => words[0]);
    expect(subsets).toEqual(["--read-data-subset=1/8", "--read-data-subset=2/8"]);
  });

  it("keeps what the stack says, of each project by itself", async () => {
    await begin({ config: { keep: { daily: 3, weekly: 0, monthly: 2 } } });
    await backup({ reason: "schedule" });
    const { words } = world.asked().find(({ verb }) => verb === "forget") ?? {};
    expect(words?.join(" ")).toBe(
      "--tag opencode-platform --group-by host --keep-last 1 --keep-tag kept --keep-tag reason:before-restore --keep-daily 3 --keep-monthly 2",
    );
  });

  it("tries again an hour after a failure, not before", async () => {
    world.restic({ backup: { text: "Fatal: no such luck" } });
    await expect(backup({ reason: "schedule" })).rejects.toThrow();
    world.restic({});
    expect(await backup({ reason: "schedule" })).toEqual([]);
    world.later(HOUR);
    expect(await backup({ reason: "schedule" })).toHaveLength(1);
  });

  it("makes no new host's empty project the newest backup: somebody restores it first, or says that it goes on", async () => {
    world.write("shop", { [DATABASE]: "" });
    await backup();
    rmSync(join(world.own, "backup.json"));
    world.restart();
    world.write("shop", { "workspace/src/app.ts": "cloned anew" });
    world.later(25 * HOUR);
    await expect(backup({ reason: "schedule" })).rejects.toMatchObject({
      message: "shop: shop has backups from before this host, and was not restored here",
      fix: "npm run restore -- shop --stack <stack>; or, to go on with what is here, npm run backup -- shop --stack <stack>",
    });
    await world.ask("restore", { project: "shop" });
    world.later(25 * HOUR);
    expect(world.read("shop", "workspace/src/app.ts")).toBe("one");
    world.write("shop", { "workspace/b": "" });
    expect(await backup({ reason: "schedule" })).toHaveLength(1);
  });

  it("runs by the program's own minute where there is no timer, and says a failure without ending", async () => {
    await begin({ config: { schedule: "own" } });
    await world.tick();
    expect(await backups()).toHaveLength(1);
    world.later(25 * HOUR);
    world.write("shop", { "workspace/b": "" });
    world.restic({ backup: { text: "Fatal: no such luck" } });
    await world.tick();
    expect(world.said).toEqual(["backup: shop: backup of shop: no such luck"]);
    await begin({ config: { schedule: "timer" } });
    world.restic({});
    world.later(25 * HOUR);
    await world.tick();
    expect(await backups()).toHaveLength(1);
  });
});

describe("looking after it", () => {
  it("tells a repository that is broken, and looks again an hour later", async () => {
    await backup({ reason: "schedule" });
    world.later(8 * 24 * HOUR);
    world.restic({ check: { text: "Fatal: repository contains errors" } });
    await expect(backup({ reason: "schedule" })).rejects.toThrow("check: the repository is broken");
    expect(world.told().check).toMatchObject({
      ok: false,
      text: expect.stringContaining("the repository is broken"),
    });
    const before = verbs().length;
    await backup({ reason: "schedule" });
    expect(verbs()).toHaveLength(before);
    world.restic({});
    world.later(HOUR);
    await backup({ reason: "schedule" });
    expect(world.told().check).toMatchObject({ ok: true });
  });

  it("restores one project in turn to see whether it could, and leaves nothing", async () => {
    world.add("api", { "workspace/a": "1" });
    world.write("shop", { [DATABASE]: "" });
    await backup();
    expect(await world.ask("try")).toMatchObject({
      project: "api",
      ok: true,
      text: expect.stringMatching(/^1 file as in the backup of /),
    });
    expect(await world.ask("try")).toMatchObject({ project: "shop" });
    expect(await world.ask("try")).toMatchObject({ project: "api" });
    expect(world.told().tried).toMatchObject({ project: "api", ok: true });
    expect(existsSync(join(world.own, "work/api/try"))).toBe(false);
    expect(world.done.filter((what) => what.startsWith("replace"))).toEqual([]);
  });

  it("tells a trial that fails", async () => {
    world.write("shop", { "workspace/lost": "12345" });
    await backup();
    const { readdirSync } = await import("node:fs");
    const [id = ""] = readdirSync(join(world.repository, "data"));
    world.restic({ ls: { text: "Fatal: tree 1a2b not found" } });
    await expect(world.ask("try")).rejects.toThrow("the repository is broken");
    expect(world.told().tried).toMatchObject({ project: "shop", ok: false });
    expect(id).not.toBe("");
  });

  it("keeps a removed project's last backup until a day, and with it those before; then none of them", async () => {
    await backup();
    world.write("shop", { "workspace/b": "" });
    const [last] = await backup();
    const kept = await world.ask<{ backup: BackupSeen; until: string }>("forget", {
      project: "shop",
      keepDays: 30,
    });
    // restic has given it another id: the one before is none any more.
    const listed = async () => (await backups({ project: "shop" })).map(({ id }) => id);
    expect(await listed()).toContain(kept.backup.id);
    expect(await listed()).not.toContain(last?.id);
    expect(kept.backup).toMatchObject({ at: expect.any(String), added: 17, until: kept.until });
    expect(world.told().projects.shop).toBeUndefined();
    world.projects.clear();
    for (const part of ["workspace", "home"]) rmSync(world.part("shop", part), { recursive: true });
    world.add("api", { "workspace/a": "" });
    await backup({ reason: "schedule" });
    expect(await listed()).toContain(kept.backup.id);
    world.later(31 * 24 * HOUR);
    world.write("api", { "workspace/b": "" });
    await backup({ reason: "schedule" });
    expect(await backups({ project: "shop" })).toEqual([]);
    expect((await backups()).map(({ project }) => project)).toEqual(["api", "api"]);
  });
});

it("refuses what is no project, in a sentence", async () => {
  for (const project of ["../etc", "", 7, "-rf"])
    await expect(world.ask("backup", { project })).rejects.toThrow(
      "project: the name of a project is missing or invalid",
    );
  await expect(backup({ reason: "a,b" })).rejects.toThrow("reason: use 1 to 40");
  mkdirSync(join(folder, "unused"), { recursive: true });
});
