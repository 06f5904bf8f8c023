/** What is kept of backups, told of them and remembered, when not everything goes as usual; restic is a stand-in. */
import { existsSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  type BackupSeen,
  type BackupWorld,
  fakeRestic,
  makeBackupWorld,
  type WorldOptions,
} from "../../../support/storage/backup.ts";
import { removeFolder, temporaryFolder } from "../../../support/temporary.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
let folder: string;
let world: BackupWorld;
const begin = async (options: WorldOptions = {}) => {
  world = await makeBackupWorld(folder, options);
  world.add("shop", { "workspace/app.ts": "one" });
};
beforeEach(async () => {
  folder = temporaryFolder();
  await begin();
});
afterEach(() => removeFolder(folder));

const backup = (argument = {}) => world.ask<BackupSeen[]>("backup", argument);
const schedule = () => backup({ reason: "schedule" });
const backups = (project?: string) => world.ask<BackupSeen[]>("backups", project ? { project } : {});
const ids = async () => (await backups()).map(({ id }) => id);
const verbs = () => world.asked().map(({ verb }) => verb);
const remove = (project: string) => {
  world.projects.delete(project);
  for (const part of ["workspace", "home"]) rmSync(world.part(project, part), { recursive: true });
};
interface Restored {
  readonly backup: BackupSeen;
  readonly before?: BackupSeen;
}

describe("what a restore has put away first", () => {
  it("takes no other backup's place of its day, and goes after 30 days", async () => {
    const [good] = await schedule();
    world.later(HOUR);
    world.write("shop", { "workspace/app.ts": "broken" });
    const { before } = await world.ask<Restored>("restore", { project: "shop", at: good?.id });
    world.later(HOUR);
    await world.ask("check");
    expect(await ids()).toEqual([good?.id, before?.id]);
    world.later(31 * DAY);
    await world.ask("check");
    expect(await ids()).toEqual([good?.id]);
  });

  it("does not stand for the next backup, which is kept longer", async () => {
    await backup();
    world.write("shop", { "workspace/app.ts": "two" });
    world.restic({ restore: { text: "Fatal: cut off" } });
    await expect(world.ask("restore", { project: "shop" })).rejects.toThrow("cut off");
    world.restic({});
    expect((await backups()).map(({ reason }) => reason)).toEqual(["manual", "before-restore"]);
    const [made] = await backup();
    expect(made?.unchanged).toBeUndefined();
    expect(made?.reason).toBe("manual");
  });
});

it("keeps history of a removed project that is there again, by its entry or by its files", async () => {
  await backup();
  await world.ask("forget", { project: "shop", keepDays: 30 });
  world.later(31 * DAY);
  await world.ask("check");
  expect(await backups("shop")).toHaveLength(1);
  world.projects.delete("shop");
  await world.ask("check");
  expect(await backups("shop")).toHaveLength(1);
  remove("shop");
  await world.ask("check");
  expect(await backups("shop")).toEqual([]);
});

describe("a removed project's last backup", () => {
  it("leaves out what its entry has said, which an update has taken away", async () => {
    world.add("shop", { "workspace/data/large": "" }, { storage: { exclude: ["/workspace/data"] } });
    await world.tick();
    world.projects.delete("shop");
    world.restart();
    const [last] = await backup({ project: "shop", reason: "removal" });
    const data = join(world.repository, "data");
    const made = readdirSync(data).find((name) => name.startsWith(last?.id ?? "none")) ?? "";
    expect(existsSync(join(data, made, "workspace/app.ts"))).toBe(true);
    expect(existsSync(join(data, made, "workspace/data"))).toBe(false);
  });

  it("is none where its entry has said never last, and one where it no longer did", async () => {
    world.add("shop", {}, { storage: { backup: "never" } });
    await world.tick();
    world.projects.delete("shop");
    await expect(backup({ project: "shop", reason: "removal" })).rejects.toMatchObject({
      message: "shop is never backed up",
      fix: "its entry in projects.yaml has said backup: never",
    });
    world.add("shop", {});
    await world.tick();
    world.projects.delete("shop");
    expect(await backup({ project: "shop", reason: "removal" })).toHaveLength(1);
  });
});

describe("what is no longer kept", () => {
  const forgotten = () => verbs().filter((verb) => verb === "forget").length;

  it("goes where one project fails, and where there is no room left; not where the repository fails", async () => {
    await backup();
    for (const [text, isThinned] of [
      ["Fatal: this project alone", true],
      ["Save(<data/1a2b>) returned error: QuotaExceeded: no room", true],
      ["Fatal: Access Denied", false],
    ] as const) {
      world.later(2 * DAY);
      world.write("shop", { "workspace/app.ts": text });
      world.restic({ backup: { text } });
      const before = forgotten();
      await expect(schedule()).rejects.toThrow();
      expect([text, forgotten() > before]).toEqual([text, isThinned]);
    }
  });

  it("has its weekly check although a project fails, and that removes first what it frees", async () => {
    await schedule();
    world.later(8 * DAY);
    world.write("shop", { "workspace/app.ts": "two" });
    world.restic({ backup: { text: "Fatal: this project alone" } });
    await expect(schedule()).rejects.toThrow("this project alone");
    expect(verbs().slice(-3)).toEqual(["forget", "prune", "check"]);
  });

  it("that can't be removed after a failure leaves that failure what is told", async () => {
    await backup();
    world.later(2 * DAY);
    world.write("shop", { "workspace/app.ts": "two" });
    world.restic({ backup: { text: "Fatal: this project alone" }, forget: { text: "Fatal: no forgetting" } });
    await expect(schedule()).rejects.toThrow("shop: backup of shop: this project alone");
    expect(world.said).toContain("backup: removing old backups: no forgetting");
  });
});

describe("after another place was named", () => {
  it("nothing is told or known of the one before, and a backup is due at once", async () => {
    await schedule();
    expect(world.told().check?.ok).toBe(true);
    world.later(HOUR);
    const to = { to: "elsewhere", repository: join(folder, "elsewhere") };
    world.restart(to);
    await world.tick();
    const { to: told, check, projects } = world.told();
    expect([told, check]).toEqual(["elsewhere", undefined]);
    expect(projects.shop).toEqual({ since: world.context.now().toISOString() });
    expect(await schedule()).toHaveLength(1);
    expect(world.told().projects.shop?.last).toBeDefined();
    world.restart(to);
    await world.tick();
    expect(world.told().projects.shop?.last).toBeDefined();
  });
});

describe("files that can't be read", () => {
  /** restic that says so of two files. */
  const unreadable = () => {
    const path = join(folder, "unreadable.mjs");
    const error = (item: string) =>
      `console.error(JSON.stringify({ message_type: "error", during: "archival", item: process.cwd() + "/${item}" }));`;
    writeFileSync(
      path,
      `import { existsSync } from "node:fs";
if (process.argv.includes("backup") && !existsSync(${JSON.stringify(join(folder, "well"))})) {
  ${error("workspace/a")} ${error("home/b")}
  process.on("exit", () => { process.exitCode = 3; });
}
await import(${JSON.stringify(fakeRestic.at(-1))});\n`,
    );
    return [process.execPath, "--disable-warning=ExperimentalWarning", path];
  };
  const what = "some files could not be read, and are not in it: workspace/a, home/b";
  beforeEach(() => begin({ program: unreadable() }));

  it("are a problem the second time in a row, and no reason to think that nothing has changed", async () => {
    expect(await backup()).toHaveLength(1);
    expect(world.said).toEqual(["backup of shop: some files could not be read: workspace/a, home/b"]);
    expect(world.told().projects.shop?.failed).toBeUndefined();
    world.later(HOUR);
    const [second] = await backup();
    expect(second?.unchanged).toBeUndefined();
    const { last, failed } = world.told().projects.shop ?? {};
    expect(failed).toEqual({ at: world.context.now().toISOString(), what });
    expect(last?.id).toBe(second?.id);
    writeFileSync(join(folder, "well"), "");
    await backup();
    expect(world.told().projects.shop?.failed).toBeUndefined();
    expect((await backup())[0]?.unchanged).toBe(true);
  });

  it("are one at once in a snapshot, in which nothing comes and goes", async () => {
    const { partsOf } = world.context;
    world.context.partsOf = async (project) =>
      (await partsOf(project)).map((part) => ({ ...part, isSubvolume: true }));
    world.restart();
    await backup();
    expect(world.told().projects.shop?.failed?.what).toBe(what);
  });
});

describe("since when a project is to have backups", () => {
  it("is told of one that has none, whoever asks for them, and no longer of one that wants none", async () => {
    world.projects.set("unmade", { project: "unmade" });
    world.add("never", { "workspace/a": "" }, { storage: { backup: "never" } });
    await world.tick();
    const since = world.context.now().toISOString();
    expect(world.told().projects).toEqual({ shop: { since } });
    world.later(DAY);
    world.restic({ backup: { text: "Fatal: no such luck" } });
    await expect(backup()).rejects.toThrow();
    expect(world.told().projects.shop).toMatchObject({ since, failed: { what: expect.any(String) } });
    world.restic({});
    await backup();
    expect(world.told().projects.shop).toMatchObject({ since, last: { project: "shop" } });
    world.add("shop", {}, { storage: { backup: "never" } });
    await world.tick();
    expect(Object.keys(world.told().projects.shop ?? {})).toEqual(["last"]);
  });
});

it.each([
  ["Fatal: repository contains errors", "broken"],
  ["Fatal: wrong password or no key found", "key"],
  ["Fatal: Access Denied", "key"],
  ["unable to create lock in backend: repository is already locked", "locked"],
  ["dial tcp: no route to host", "unreachable"],
  ["write: no space left on device", "full"],
  ["Fatal: the moon is full", "other"],
])("tells of which kind a check's failure is: %s", async (text, kind) => {
  await backup();
  world.restic({ check: { text } });
  await expect(world.ask("check")).rejects.toThrow();
  expect(world.told().check).toMatchObject({ ok: false, kind });
  world.restic({});
  await world.ask("check");
  expect(world.told().check).not.toHaveProperty("kind");
});

it("says of a directory that is gone that its disk may have been attached too late", async () => {
  await backup();
  rmSync(world.repository, { recursive: true });
  await expect(backup()).rejects.toMatchObject({
    message: expect.stringContaining("the repository is no longer there"),
    fix: expect.stringContaining("attached later than the container <prefix>-storage, restart that"),
  });
});

describe("backups of an earlier project of the name", () => {
  it("are told as such, and those of the files that are there are not", async () => {
    const [first] = await backup();
    expect(first).not.toHaveProperty("isEarlier");
    remove("shop");
    // Nobody has files of that name: whoever makes a project of it now is not who had it then.
    expect(await backups()).toEqual([{ ...first, isEarlier: true }]);
    world.add("shop", { "workspace/app.ts": "of somebody else" });
    const [second] = await backup();
    expect((await backups()).map(({ id, isEarlier }) => [id, isEarlier])).toEqual([
      [first?.id, true],
      [second?.id, undefined],
    ]);
    expect(JSON.stringify(await backups())).not.toContain("life");
  });

  it("are the project's own once one of them was restored into it, beside what it had before", async () => {
    const [first] = await backup();
    remove("shop");
    world.add("shop", { "workspace/app.ts": "of somebody else" });
    expect((await backups())[0]?.isEarlier).toBe(true);
    const { backup: restored, before } = await world.ask<Restored>("restore", { project: "shop" });
    expect([restored.id, restored.isEarlier]).toEqual([first?.id, undefined]);
    expect(before).not.toHaveProperty("isEarlier");
    expect((await backups()).map(({ isEarlier }) => isEarlier)).toEqual([undefined, undefined]);
  });

  it("stay another's where they are restored beside", async () => {
    await backup();
    await world.ask("restore", { project: "shop", into: { name: "shop-then", uid: 1, gid: 1 } });
    const [life] = await world.context.lives.all("shop");
    expect(await world.context.lives.all("shop-then")).not.toContain(life);
  });

  it("are no reason to take none of files whose life is no longer known", async () => {
    await backup();
    world.forgetLives();
    expect((await backup())[0]?.unchanged).toBeUndefined();
  });
});
