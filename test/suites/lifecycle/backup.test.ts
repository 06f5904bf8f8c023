/**
 * Backups with the real restic: into a bucket (versitygw, which checks signatures), over ssh and into a directory; from btrfs and from plain folders, of a
 * project whose agent writes; and what happens when restic is killed, the bucket is full, the key is wrong or the repository is broken. The storage program
 * runs here, its keeper is a stand-in that stops and continues the writing process.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { toolchainDir } from "../../../toolchain/paths.ts";
import { fileInImage } from "../../support/opencode/image-files.ts";
import { must, run } from "../../support/run.ts";
import type { BackupSeen, Backups, Told } from "../../support/storage/backup.ts";
import { credentials, type Place, startS3, startSftp } from "../../support/storage/places.ts";
import { removeFolder, temporaryFolder } from "../../support/temporary.ts";
import { waitFor } from "../../support/wait.ts";

const { makeContext } = await import(fileInImage("storage/context.mjs"));
const { begin } = await import(fileInImage("storage/begin.mjs"));
const { makeMachine } = await import(fileInImage("storage/machine.mjs"));
const { makeBackup } = await import(fileInImage("storage/backup/index.mjs"));

const MIB = 2 ** 20;
const USER = { uid: 700_000_001, gid: 1000 };
const DATABASE = ".local/share/opencode/opencode.db";
const folder = temporaryFolder();
const toolchain =
  process.env.OPENCODE_PLATFORM_TOOLCHAIN ?? toolchainDir(join(import.meta.dirname, "../../.."));

/** Counts: into a file of the workspace, then into the database of the home. */
const WRITER = `
const { renameSync, writeFileSync } = require("node:fs");
const { DatabaseSync } = require("node:sqlite");
const [counter, path] = process.argv.slice(1);
const database = new DatabaseSync(path);
database.exec("PRAGMA journal_mode = WAL; CREATE TABLE IF NOT EXISTS session (id INTEGER PRIMARY KEY)");
const insert = database.prepare("INSERT OR IGNORE INTO session VALUES (?)");
for (let n = 1; ; n++) {
  writeFileSync(counter + ".new", String(n));
  renameSync(counter + ".new", counter);
  insert.run(n);
  if (n % 50 === 0) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
}`;

/** A root of workspaces with the storage program on it. */
class Ground {
  readonly root: string;
  readonly projects: string;
  readonly said: string[] = [];
  private writer: ChildProcess | undefined;
  private readonly states = new Map<string, "awake" | "stopped">();

  constructor(name: string) {
    this.root = join(folder, name);
    this.projects = join(folder, `${name}-projects`);
    for (const path of [this.root, this.projects]) mkdirSync(path, { recursive: true });
  }

  part(project: string, part: string): string {
    return part === "workspace"
      ? join(this.root, project)
      : join(this.root, part === "home" ? ".data" : ".services", project);
  }

  async make(project: string, isBtrfs = false): Promise<void> {
    const parts = ["workspace", "home"].map((part) => this.part(project, part));
    for (const path of parts) {
      mkdirSync(dirname(path), { recursive: true });
      if (isBtrfs) await must("btrfs", ["subvolume", "create", path]);
      else mkdirSync(path);
    }
    mkdirSync(join(this.part(project, "home"), ".local/share/opencode"), { recursive: true });
    await must("chown", ["-R", `${USER.uid}:${USER.gid}`, ...parts]);
    this.states.set(project, "awake");
    writeFileSync(join(this.projects, `${project}.json`), JSON.stringify({ project }));
  }

  /** Begins to write, and goes on until the end. */
  write(project: string): void {
    const paths = [
      join(this.part(project, "workspace"), "counter"),
      join(this.part(project, "home"), DATABASE),
    ];
    this.writer = spawn(process.execPath, ["--no-warnings", "-e", WRITER, ...paths], {
      ...USER,
      stdio: "inherit",
    });
  }

  stop(): void {
    this.writer?.kill("SIGKILL");
    this.writer = undefined;
  }

  /** The keeper, with one process for all that a project runs. */
  private ask = async (_: string, path: string) => {
    const url = new URL(path, "http://keeper");
    const verb = url.pathname.slice(1);
    const state = this.states.get(url.searchParams.get("project") ?? "") ?? "stopped";
    if (verb === "hold" || verb === "park") this.writer?.kill("SIGSTOP");
    else this.writer?.kill("SIGCONT");
    const isBack = verb === "release" || verb === "unpark";
    return { status: 200, body: isBack ? { state, answers: true } : { was: state } };
  };

  /** The program, which begins anew each time: nothing of it is kept but what it has written. */
  program(config: object) {
    const context = makeContext({
      root: this.root,
      projectsDir: this.projects,
      machine: { ...makeMachine(), ask: this.ask },
      log: (line: string) => this.said.push(line),
    });
    const begun: Promise<number> = begin(context);
    const { verbs }: Backups = makeBackup(context, config);
    const steps: string[] = [];
    const ask = async <T = unknown>(verb: string, argument: Record<string, unknown> = {}): Promise<T> => {
      await begun;
      return (await verbs[verb]?.(argument, (step) => void steps.push(step))) as T;
    };
    const told = async (): Promise<Told> => (await context.status.read()).backup;
    return { ask, told, steps, cache: context.paths.cache as string };
  }
}

const configOf = ({ config }: Pick<Place, "config">, more: object = {}) => ({
  to: "a place of the test",
  everyMs: 86_400_000,
  keep: { daily: 7, weekly: 4, monthly: 6 },
  exclude: [],
  schedule: "timer",
  ...config,
  files: { password: join(folder, "password"), ...config.files },
  ...more,
});

/** How far the file and the database of a project are apart. */
function counted(ground: Ground, project: string): { file: number; rows: number } {
  const file = Number(readFileSync(join(ground.part(project, "workspace"), "counter"), "utf8"));
  const database = new DatabaseSync(join(ground.part(project, "home"), DATABASE));
  const { rows } = database.prepare("SELECT max(id) AS rows FROM session").get() as { rows: number };
  database.close();
  return { file, rows };
}

async function loopDevice(path: string, mib: number, ...make: string[]): Promise<void> {
  const image = `${path}.img`;
  writeFileSync(image, "");
  truncateSync(image, mib * MIB);
  mkdirSync(path, { recursive: true });
  await must(make[0] ?? "", [...make.slice(1), image]);
  await must("mount", ["-o", "loop,noatime", image, path]);
}

const btrfs = new Ground("btrfs");
const plain = new Ground("plain");
const places: Place[] = [];
const mounted = [btrfs.root, join(folder, "small")];
let bucket: Place;

beforeAll(async () => {
  chmodSync(folder, 0o755);
  writeFileSync(join(folder, "password"), randomBytes(24).toString("hex"), { mode: 0o400 });
  await loopDevice(btrfs.root, 1024, "mkfs.btrfs", "-q");
  await btrfs.make("web", true);
  await btrfs.make("api", true);
  await plain.make("web");
  bucket = await startS3(folder, join(folder, "s3"), toolchain);
  places.push(bucket);
});

afterAll(async () => {
  for (const ground of [btrfs, plain]) ground.stop();
  for (const place of places) await place.stop();
  for (const path of mounted) await run("umount", [path]);
  removeFolder(folder);
});

describe("a project whose agent writes", () => {
  it("is of one moment on btrfs, and comes back so, as a subvolume of its own user's", async () => {
    writeFileSync(join(btrfs.part("web", "workspace"), "large"), randomBytes(24 * MIB));
    mkdirSync(join(btrfs.part("web", "workspace"), "node_modules/left"), { recursive: true });
    writeFileSync(join(btrfs.part("api", "workspace"), "app.ts"), "one");
    btrfs.write("web");
    await waitFor(
      "the writer",
      () =>
        ({ done: existsSync(join(btrfs.part("web", "workspace"), "counter")) || undefined }) as {
          done: true;
        },
    );
    const { ask } = btrfs.program(configOf(bucket));
    const made = await ask<BackupSeen[]>("backup");
    expect(made.map(({ project }) => project)).toEqual(["api", "web"]);
    btrfs.stop();
    const { files } = await ask<{ files: number }>("restore", {
      project: "web",
      into: { name: "web-then", ...USER },
    });
    expect(files).toBeGreaterThan(2);
    const { file, rows } = counted(btrfs, "web-then");
    expect(rows).toBeGreaterThan(0);
    expect(file - rows).toBeGreaterThanOrEqual(0);
    expect(file - rows).toBeLessThanOrEqual(1);
    for (const part of ["workspace", "home"]) {
      const { ino, uid } = statSync(btrfs.part("web-then", part));
      expect([part, ino, uid]).toEqual([part, 256, USER.uid]);
    }
    expect(existsSync(join(btrfs.part("web-then", "workspace"), "node_modules"))).toBe(false);
  });

  it("has its database in order on another file system, under the same paths in the repository", async () => {
    plain.write("web");
    await waitFor(
      "the writer",
      () => ({ done: existsSync(join(plain.part("web", "home"), DATABASE)) || undefined }) as { done: true },
    );
    mkdirSync(join(plain.part("web", "workspace"), "src"));
    writeFileSync(join(plain.part("web", "workspace"), "src/app.ts"), "one");
    const place = { config: { repository: join(folder, "directory"), files: {} } };
    const { ask } = plain.program(configOf(place));
    await ask("backup");
    plain.stop();
    writeFileSync(join(plain.part("web", "workspace"), "src/app.ts"), "two");
    const { sessions } = await ask<{ sessions: number }>("restore", { project: "web" });
    expect(sessions).toBeGreaterThan(0);
    expect(readFileSync(join(plain.part("web", "workspace"), "src/app.ts"), "utf8")).toBe("one");
    expect(statSync(join(plain.part("web", "home"), DATABASE)).uid).toBe(USER.uid);
    expect(counted(plain, "web").rows).toBeGreaterThan(0);
  });
});

describe("in a bucket", () => {
  it("costs nothing where nothing has changed, and little where little has", async () => {
    const { ask } = btrfs.program(configOf(bucket));
    // The writer was cut off after the last one.
    await ask("backup");
    const objects = () => readdirSync(bucket.folder, { recursive: true }).length;
    const before = objects();
    expect((await ask<BackupSeen[]>("backup")).map(({ unchanged }) => unchanged)).toEqual([true, true]);
    expect(objects()).toBe(before);
    writeFileSync(join(btrfs.part("web", "workspace"), "small"), "small");
    const [web] = (await ask<BackupSeen[]>("backup")).filter(({ project }) => project === "web");
    expect(web?.added).toBeLessThan(MIB);
    expect(web?.bytes).toBeGreaterThan(24 * MIB);
  });

  it("gives one file back while the project runs, and a whole one", async () => {
    const { ask } = btrfs.program(configOf(bucket));
    const path = join(btrfs.part("api", "workspace"), "app.ts");
    writeFileSync(path, "broken");
    await ask("restore", { project: "api", path: "app.ts" });
    expect(readFileSync(path, "utf8")).toBe("one");
    expect(statSync(path).uid).toBe(USER.uid);
    rmSync(path);
    writeFileSync(join(btrfs.part("api", "workspace"), "wrong"), "");
    const { before } = await ask<{ before: BackupSeen }>("restore", { project: "api" });
    expect(readFileSync(path, "utf8")).toBe("one");
    expect(before.reason).toBe("before-restore");
  });

  it("goes on after restic was killed in the middle, and leaves the project as it was", async () => {
    writeFileSync(join(btrfs.part("web", "workspace"), "another"), randomBytes(48 * MIB));
    const { ask, cache } = btrfs.program(configOf(bucket));
    const failed = ask("backup", { project: "web" }).catch((error: Error) => error.message);
    await waitFor(
      "data on its way",
      () => {
        const pid = (JSON.parse(readFileSync(join(cache, "running.json"), "utf8")) as number[]).at(-1) ?? 0;
        const line = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
        const [, read = "0"] = /^rchar: (\d+)/.exec(readFileSync(`/proc/${pid}/io`, "utf8")) ?? [];
        if (!line.includes("backup") || Number(read) < 8 * MIB) return { seen: `${line} ${read}` };
        process.kill(pid, "SIGKILL");
        return { done: true };
      },
      { every: 2, within: 20_000 },
    );
    expect(await failed).toContain("restic was killed (SIGKILL)");
    const again = btrfs.program(configOf(bucket));
    expect(await again.ask("backup", { project: "web" })).toHaveLength(1);
    expect(await again.ask("check")).toMatchObject({ ok: true });
  });

  it("tells a wrong key and a wrong password, each with what to do", async () => {
    const wrong = { id: "backup-test", secret: "another-secret" };
    const files = { ...bucket.config.files, credentials: credentials(folder, "wrong", wrong) };
    const refused = btrfs.program(configOf({ config: { ...bucket.config, files } }));
    await expect(refused.ask("backup", { project: "api" })).rejects.toMatchObject({
      message: expect.stringContaining("the key is refused"),
      fix: expect.stringContaining("backupKeyId"),
    });
    expect((await refused.told()).projects.api?.failed?.what).toContain("the key is refused");
    writeFileSync(join(folder, "other-password"), "not the one");
    const other = {
      ...bucket.config,
      files: { ...bucket.config.files, password: join(folder, "other-password") },
    };
    await expect(btrfs.program(configOf({ config: other })).ask("backups")).rejects.toThrow(
      "the repository has another password",
    );
  });

  it("brings everything back after the host is gone, with nothing but the bucket, the password and the key", async () => {
    const expected = readFileSync(join(btrfs.part("api", "workspace"), "app.ts"), "utf8");
    const anew = new Ground("anew");
    const { ask } = anew.program(configOf(bucket));
    await anew.make("api");
    await expect(ask("backup", { reason: "schedule" })).rejects.toThrow(
      "api has backups from before this host",
    );
    const names = new Set((await ask<BackupSeen[]>("backups")).map(({ project }) => project));
    expect([...names].sort()).toEqual(["api", "web"]);
    for (const project of names) await ask("restore", { project });
    expect(readFileSync(join(anew.part("api", "workspace"), "app.ts"), "utf8")).toBe(expected);
    expect(counted(anew, "web").rows).toBe(counted(btrfs, "web").rows);
    expect(await ask("try", { project: "web" })).toMatchObject({ ok: true });
  });

  it("has a broken repository found by the check, and told", async () => {
    const packs = readdirSync(join(bucket.folder, "prod/data"), { recursive: true, encoding: "utf8" })
      .map((name) => join(bucket.folder, "prod/data", name))
      .filter((path) => statSync(path).isFile());
    for (const path of packs) {
      const bytes = readFileSync(path);
      bytes.fill(0x5a, 40, 80);
      writeFileSync(path, bytes);
    }
    rmSync(join(btrfs.root, ".storage/cache"), { recursive: true });
    const { ask, told } = btrfs.program(configOf(bucket));
    await expect(ask("check")).rejects.toMatchObject({
      message: expect.stringContaining("the repository is broken"),
      fix: expect.stringContaining("docs/backup.md"),
    });
    expect((await told()).check).toMatchObject({ ok: false, text: expect.stringContaining("broken") });
  });
});

it("says when there is no room left, and goes on once there is", async () => {
  const small = join(folder, "small");
  await loopDevice(small, 192, "mkfs.ext4", "-q", "-O", "^has_journal");
  await must("fallocate", ["-l", "150M", join(small, "filler")]);
  const full = await startS3(folder, small, toolchain);
  places.push(full);
  const { ask, told } = btrfs.program(configOf(full));
  await expect(ask("backup", { project: "web" })).rejects.toMatchObject({
    message: expect.stringContaining("there is no room left where backups are kept"),
    fix: expect.stringContaining("keep"),
  });
  expect((await told()).projects.web?.failed?.what).toContain("no room left");
  rmSync(join(small, "filler"));
  expect(await ask("backup", { project: "web" })).toHaveLength(1);
  expect((await told()).projects.web?.failed).toBeUndefined();
  await full.stop();
});

it("goes over ssh to a server that it knows, and to no other", async () => {
  const remote = await startSftp(folder);
  places.push(remote);
  const { ask } = btrfs.program(configOf(remote));
  expect(await ask("backup", { project: "api" })).toHaveLength(1);
  expect(existsSync(join(remote.folder, "config"))).toBe(true);
  await ask("restore", { project: "api", path: "app.ts" });
  const hosts = join(folder, "no-hosts");
  writeFileSync(hosts, "");
  const stranger = { ...remote.config, files: { ...remote.config.files, knownHosts: hosts } };
  await expect(
    btrfs.program(configOf({ config: stranger })).ask("backup", { project: "api" }),
  ).rejects.toThrow("the server shows another host key than those of backupKnownHosts");
});
