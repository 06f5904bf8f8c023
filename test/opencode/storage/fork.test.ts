/** A fork: another project's parts, without log-ins, on a branch of its own; and paths in it that an agent has written. */
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  fill,
  kept,
  load,
  makeStorageWorld,
  partPath,
  putProject,
  type StorageWorld,
  startStorage,
  words,
} from "../../support/opencode/storage-world.ts";
import { must } from "../../support/run.ts";
import { removeFolder, temporaryFolder } from "../../support/temporary.ts";

const { LOGINS } = await load("logins");
const { locate } = await load("within");
const [FROM, TO] = ["web", "try"];
const [uid, gid] = [process.getuid?.() ?? 0, process.getgid?.() ?? 0];
let folder = "";
let world: StorageWorld;
let program: Awaited<ReturnType<typeof startStorage>>;
beforeEach(async () => {
  folder = temporaryFolder();
  world = makeStorageWorld(folder);
  putProject(world, FROM, "awake");
  fill(world, FROM, "first");
  program = await startStorage(world);
  await program.left;
});
afterEach(() => removeFolder(folder));

const fork = (more: object = {}) => program.ask("fork", { from: FROM, to: TO, uid, gid, ...more });
const at = (project: string, part: string, path: string) => join(partPath(world, project, part), path);
function put(part: string, path: string, text = "secret"): void {
  mkdirSync(dirname(at(FROM, part, path)), { recursive: true });
  writeFileSync(at(FROM, part, path), text);
}

it("has all parts of the other as of one moment, which goes on", async () => {
  expect(await fork()).toEqual({ kind: "copy", branches: [] });
  expect(words(world, TO)).toEqual(["first", "first", "first"]);
  expect(words(world, FROM)).toEqual(["first", "first", "first"]);
  expect(world.keeper.asked).toEqual([`hold ${FROM}`, `hold ${FROM}`, `release ${FROM}`]);
  expect([kept(world, "work", TO), kept(world, "journal")]).toEqual([[], []]);
  expect(program.progress).toEqual(["copy", "log-ins", "owner"]);
});

it("is refused over what is there, of itself, without files, or without a user", async () => {
  mkdirSync(partPath(world, TO, "home"), { recursive: true });
  await expect(fork()).rejects.toMatchObject({ message: expect.stringContaining("try is there already") });
  await expect(fork({ to: FROM })).rejects.toThrow("from and to are the same");
  await expect(fork({ from: "none", to: "other" })).rejects.toThrow("none has nothing on this host");
  await expect(fork({ to: "other", uid: "1000" })).rejects.toThrow("uid and gid");
  await expect(fork({ to: "../x" })).rejects.toThrow("to: the name of a project");
  expect(kept(world, "work")).toEqual([]);
});

describe("log-ins", () => {
  function logIn(): void {
    for (const path of LOGINS) put("home", path);
    for (const name of ["id_ed25519", "id_ed25519.pub", "deploy", "config", "known_hosts"])
      put("home", `.ssh/${name}`);
    const file = at(FROM, "home", ".local/share/opencode/opencode.db");
    const database = new DatabaseSync(file);
    database.exec(`PRAGMA journal_mode = WAL; CREATE TABLE session (title text); INSERT INTO session VALUES ('kept');
      CREATE TABLE credential (value text); INSERT INTO credential VALUES ('tok-of-a-person');
      CREATE TABLE control_account (access_token text); INSERT INTO control_account VALUES ('tok-of-another')`);
    database.close();
  }
  const left = () => LOGINS.filter((path: string) => existsSync(at(TO, "home", path)));
  const databaseIn = (project: string) => at(project, "home", ".local/share/opencode/opencode.db");
  const rows = (project: string, table: string) => {
    const database = new DatabaseSync(databaseIn(project), { readOnly: true });
    try {
      return database.prepare(`SELECT * FROM ${table}`).all().length;
    } finally {
      database.close();
    }
  };

  it("stay where they were made", async () => {
    logIn();
    await fork();
    expect(left()).toEqual([]);
    expect(readdirSync(at(TO, "home", ".ssh")).sort()).toEqual(["config", "known_hosts"]);
    expect(readdirSync(dirname(databaseIn(TO)))).toEqual(["opencode.db"]);
    expect(readFileSync(databaseIn(TO), "latin1")).not.toContain("tok-of-");
    expect([rows(TO, "session"), rows(TO, "credential"), rows(TO, "control_account")]).toEqual([1, 0, 0]);
    expect([rows(FROM, "credential"), existsSync(at(FROM, "home", ".ssh/deploy"))]).toEqual([1, true]);
  });

  it("come along where that is asked for", async () => {
    logIn();
    await fork({ withLogins: true });
    expect([left(), rows(TO, "credential")]).toEqual([LOGINS, 1]);
  });

  it("are found behind links as the container would, and nothing is touched outside of the copy", async () => {
    const outside = join(folder, "outside");
    mkdirSync(outside);
    for (const name of ["credentials", "id"]) writeFileSync(join(outside, name), "kept");
    put("workspace", "dotfiles/netrc");
    symlinkSync("/workspace/dotfiles/netrc", at(FROM, "home", ".netrc"));
    symlinkSync(outside, at(FROM, "home", ".aws"));
    symlinkSync(outside, at(FROM, "home", ".ssh"));
    symlinkSync("../../../outside", at(FROM, "home", ".azure"));
    symlinkSync("/home/opencode", at(FROM, "home", ".gnupg"));
    await fork();
    expect(existsSync(at(TO, "workspace", "dotfiles/netrc"))).toBe(false);
    expect(existsSync(at(FROM, "workspace", "dotfiles/netrc"))).toBe(true);
    expect(readdirSync(outside).sort()).toEqual(["credentials", "id"]);
    expect(readFileSync(at(TO, "home", "file"), "utf8")).toBe("first");
  });

  it("are not looked for in a database that leads elsewhere: the fork is refused, and leaves nothing", async () => {
    logIn();
    symlinkSync(join(folder, "elsewhere"), `${databaseIn(FROM)}-wal`);
    await expect(fork()).rejects.toMatchObject({ fix: "fork it with its log-ins" });
    expect([words(world, TO), existsSync(join(folder, "elsewhere"))]).toEqual([
      ["none", "none", "none"],
      false,
    ]);
    await fork({ withLogins: true });
  });
});

describe("paths in a copy", () => {
  it("end where they would in the container, and at no link that leads out of it or to itself", async () => {
    const tree = partPath(world, FROM, "home");
    put("home", "real/file");
    const link = (target: string, name: string) => symlinkSync(target, join(tree, name));
    link("real", "near");
    link("/home/opencode/real", "far");
    link("loop", "loop");
    link("/etc", "out");
    link("../../etc", "up");
    const find = (path: string) => locate({ "/home/opencode": tree }, `/home/opencode/${path}`);
    expect(await Promise.all(["near/file", "far/file", "real/../near/file"].map(find))).toEqual(
      Array(3).fill(join(tree, "real/file")),
    );
    expect(
      await Promise.all(["loop", "loop/x", "out/passwd", "up/passwd", "none", "..", "."].map(find)),
    ).toEqual(Array(7).fill(undefined));
  });
});

describe("its branch", () => {
  const git = async (project: string, path: string, ...words: string[]) =>
    (await must("git", ["-C", at(project, "workspace", path), ...words])).stdout.trim();
  async function repository(path: string): Promise<void> {
    mkdirSync(at(FROM, "workspace", path), { recursive: true });
    await git(FROM, path, "init", "--quiet", "--initial-branch", "main");
    for (const [key, value] of [
      ["user.name", "A"],
      ["user.email", "a@example.com"],
    ] as const)
      await git(FROM, path, "config", key, value);
  }
  async function commit(path: string): Promise<string> {
    await git(FROM, path, "commit", "--quiet", "--allow-empty", "--message", "one");
    return git(FROM, path, "rev-parse", "HEAD");
  }

  it("is made from where the other stands, with its changes as they are", async () => {
    await repository("");
    await git(FROM, "", "add", "file");
    const head = await commit("");
    writeFileSync(at(FROM, "workspace", "file"), "changed");
    const before = await git(FROM, "", "status", "--porcelain");
    expect(await fork()).toMatchObject({ branches: [TO] });
    expect(await git(TO, "", "symbolic-ref", "HEAD")).toBe(`refs/heads/${TO}`);
    expect(await git(TO, "", "rev-parse", "HEAD")).toBe(head);
    expect(await git(TO, "", "status", "--porcelain")).toBe(before);
    expect(await git(FROM, "", "symbolic-ref", "HEAD")).toBe("refs/heads/main");
  });

  it("is made in each repository that has a commit, also from packed branches, none, or a taken name", async () => {
    for (const path of ["api", "libs/ui", "empty", "loose"]) await repository(path);
    const heads = await Promise.all(["api", "libs/ui", "loose"].map(commit));
    await git(FROM, "api", "pack-refs", "--all");
    await git(FROM, "libs/ui", "branch", TO);
    await git(FROM, "libs/ui", "pack-refs", "--all");
    await git(FROM, "loose", "checkout", "--quiet", "--detach");
    await git(FROM, "loose", "branch", `${TO}/x`);
    writeFileSync(at(FROM, "workspace", "api/.git/index.lock"), "");
    expect(((await fork()) as { branches: string[] }).branches.sort()).toEqual([TO, `${TO}-2`, `${TO}-2`]);
    const found = await Promise.all(
      ["api", "libs/ui", "loose"].map((path) => git(TO, path, "rev-parse", "HEAD")),
    );
    expect(found).toEqual(heads);
    expect(await git(TO, "empty", "symbolic-ref", "HEAD")).toBe("refs/heads/main");
    expect(existsSync(at(TO, "workspace", "api/.git/index.lock"))).toBe(false);
  });

  it("runs nothing of the repository, and writes through no link", async () => {
    await repository("");
    await commit("");
    const target = join(folder, "target");
    for (const hook of ["post-checkout", "reference-transaction"])
      writeFileSync(at(FROM, "workspace", `.git/hooks/${hook}`), `#!/bin/sh\ntouch ${target}\n`, {
        mode: 0o755,
      });
    symlinkSync(target, at(FROM, "workspace", ".git/HEAD.new"));
    symlinkSync(target, at(FROM, "workspace", `.git/refs/heads/${TO}.new`));
    await fork();
    expect(existsSync(target)).toBe(false);
    expect(lstatSync(at(TO, "workspace", ".git/HEAD")).isFile()).toBe(true);
  });
});
