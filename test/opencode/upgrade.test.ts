/** The image's script `upgrade` as it is, in a folder of its own: what happens to a project's sessions before another release starts. */
import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { readUpgrade } from "../../operate/opencode/upgrade-log.ts";
import { copyFromImage, LIB } from "../support/opencode/image-files.ts";

let folder = "";

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "upgrade-"));
  for (const name of ["lib", "status", "home"]) mkdirSync(join(folder, name));
  copyFromImage(
    join(folder, "lib"),
    ["upgrade", "server", "v1", "v2"],
    [
      [LIB, join(folder, "lib")],
      ["/tmp/opencode-platform", join(folder, "status")],
    ],
  );
});
afterEach(() => rmSync(folder, { recursive: true }));

const home = (...parts: string[]) => join(folder, "home/.local/share", ...parts);
const state = (name: string) => home("opencode-platform", name);
const copies = () => (existsSync(state("copies")) ? readdirSync(state("copies")).sort() : []);
const releasesOf = (names: readonly string[]) => names.map((name) => name.replace(/^.*_/, ""));

/** The database's content, with what is still in its journal. */
function sessions(): string {
  return ["opencode.db", "opencode.db-wal"].map((file) => read(home("opencode", file))).join("+");
}
const read = (file: string) => (existsSync(file) ? readFileSync(file, "utf8") : "");

function write(database: string, journal = ""): void {
  mkdirSync(home("opencode"), { recursive: true });
  writeFileSync(home("opencode", "opencode.db"), database);
  rmSync(home("opencode", "opencode.db-wal"), { force: true });
  if (journal) writeFileSync(home("opencode", "opencode.db-wal"), journal);
}

/** A release's container starts. @param limit before the command, such as a limit of the size of files */
function start(release: string, limit = "") {
  writeFileSync(join(folder, "lib/version"), `${release}\n`);
  rmSync(join(folder, "lib/major"), { force: true });
  symlinkSync(`v${release[0]}`, join(folder, "lib/major"));
  const command = `${limit}exec '${join(folder, "lib/upgrade")}' prepare`;
  const ran = spawnSync("bash", ["-c", command], {
    encoding: "utf8",
    env: { ...process.env, HOME: join(folder, "home") },
  });
  return { code: ran.status, log: ran.stdout, upgrade: readUpgrade(ran.stdout), stderr: ran.stderr };
}

/** The release's server has started and migrated, as `upgrade follow` finds it. */
function settled(release: string): void {
  mkdirSync(state(""), { recursive: true });
  writeFileSync(state("release"), `${release}\n`);
  rmSync(state("changing"), { force: true });
}

it("does nothing for a project without sessions, or of the same release", () => {
  expect(start("1.18.33")).toMatchObject({ code: 0, log: "", stderr: "" });
  write("one");
  settled("1.18.33");
  expect(start("1.18.33")).toMatchObject({ code: 0, log: "" });
  expect(copies()).toEqual([]);
});

it("takes a project of before releases were written down for one of 1.x", () => {
  write("one");
  expect(start("1.18.33")).toMatchObject({ code: 0, log: "" });
  expect(start("2.0.14").upgrade).toEqual({ state: "running", line: "upgrading from 1" });
  expect(releasesOf(copies())).toEqual(["1"]);
});

it("copies the database with its journal before another release opens it", () => {
  write("one", "journal");
  settled("1.18.33");
  expect(start("2.0.14")).toMatchObject({ code: 0, upgrade: { line: "upgrading from 1.18.33" } });
  const [copy = ""] = copies();
  expect(copy).toMatch(/^\d{8}T\d{6}Z_1\.18\.33$/);
  expect(read(join(state("copies"), copy, "opencode.db-wal"))).toBe("journal");
  expect(sessions()).toBe("one+journal");
});

it("begins again from the copy after a change that was cut off, and gives up after three", () => {
  write("one", "journal");
  settled("1.18.33");
  start("2.0.14");
  for (const attempt of [2, 3]) {
    write("half");
    expect(start("2.0.14")).toMatchObject({
      code: 0,
      upgrade: { line: `upgrading from 1.18.33, attempt ${attempt}` },
    });
    expect(sessions()).toBe("one+journal");
  }
  write("half");
  const failed = { state: "failed", from: "1.18.33", reason: "opencode 2.0.14 did not start 3 times" };
  expect(start("2.0.14")).toMatchObject({ code: 1, upgrade: failed });
  expect(copies()).toHaveLength(1);
});

it("gives the release before its sessions back after a failed change", () => {
  write("one", "journal");
  settled("1.18.33");
  start("2.0.14");
  write("half");
  expect(start("1.18.33")).toMatchObject({ code: 0 });
  expect(sessions()).toBe("one+journal");
  expect(existsSync(state("changing"))).toBe(false);
});

it("does not start another release without room for the copy, and leaves the sessions alone", () => {
  write("x".repeat(100_000));
  settled("1.18.33");
  const ran = start("2.0.14", "ulimit -f 10; ");
  expect(ran.code).toBe(1);
  expect(ran.upgrade).toMatchObject({
    state: "failed",
    from: "1.18.33",
    reason: expect.stringContaining("no room"),
  });
  expect(copies()).toEqual([]);
  expect(sessions()).toBe(`${"x".repeat(100_000)}+`);
  // Docker starts it again and again: it neither tries again nor says something else.
  expect(start("2.0.14")).toMatchObject({ code: 1, upgrade: ran.upgrade });
  expect(start("1.18.33")).toMatchObject({ code: 0, log: "" });
  expect(start("2.0.14").upgrade).toMatchObject({ state: "running" });
});

it("restores the copy when a project goes back, and keeps what it leaves", () => {
  write("one");
  settled("1.18.33");
  start("2.0.14");
  write("two");
  settled("2.0.14");
  const { upgrade } = start("1.18.33");
  expect(upgrade).toMatchObject({
    state: "done",
    line: expect.stringContaining("went back from 2.0.14 to 1.18.33"),
  });
  expect(sessions()).toBe("one+");
  expect(releasesOf(copies()).sort()).toEqual(["1.18.33", "2.0.14"]);
  expect(start("1.18.33").log).toBe("");
});

it("finds the copy of a project that left 1.x before releases were written down", () => {
  write("one");
  start("2.0.14");
  write("two");
  settled("2.0.14");
  expect(start("1.18.33").upgrade).toMatchObject({ line: expect.stringContaining("went back from 2.0.14") });
  expect(sessions()).toBe("one+");
});

it("keeps the last three copies", () => {
  write("one");
  mkdirSync(state("copies"), { recursive: true });
  for (const [second, release] of ["1.18.3", "1.18.8", "1.18.10"].entries())
    mkdirSync(join(state("copies"), `20260101T00000${second}Z_${release}`));
  settled("1.18.33");
  start("2.0.14");
  expect(releasesOf(copies())).toEqual(["1.18.8", "1.18.10", "1.18.33"]);
});
