import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { parseSettings } from "../../config/stack/settings.ts";
import { BASE_IMAGE, PULUMI, TRAEFIK_IMAGE } from "../../config/versions.ts";
import { certificatesIn } from "../../lab/build/lib/debian-root.ts";
import { exec, mustExec, which } from "../../toolchain/lib/exec.ts";
import { isHeldBy, withLock } from "../../toolchain/lib/lock.ts";
import { Manifest, publishedChecksum } from "../../toolchain/lib/manifest.ts";
import { compareVersions, duration } from "../../toolchain/lib/words.ts";
import type { Build, Part } from "../../toolchain/part.ts";
import { baseImagePart } from "../../toolchain/parts/base-image.ts";
import { archiveName, expectedChecksum, isCompatible } from "../../toolchain/parts/pulumi.ts";
import { traefikPart } from "../../toolchain/parts/traefik.ts";
import { provision } from "../../toolchain/provision.ts";

let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "toolchain-"));
});

afterEach(() => rmSync(dir, { recursive: true, force: true }));

describe("the manifest", () => {
  const file = () => join(dir, "tool");

  beforeEach(async () => {
    writeFileSync(file(), "content");
    await new Manifest(dir).record("tool", "1.0", "built");
  });

  it("verifies recorded files", async () => {
    expect(await new Manifest(dir).verified("tool", "1.0")).toMatchObject({ version: "1.0", way: "built" });
  });

  it("verifies a file that was only touched", async () => {
    utimesSync(file(), 1, 1);
    expect(await new Manifest(dir).verified("tool", "1.0")).toMatchObject({ mtimeMs: 1000 });
    expect(await new Manifest(dir).verified("tool", "1.0")).toMatchObject({ mtimeMs: 1000 });
  });

  it("rejects other content, another version, or a missing file", async () => {
    expect(await new Manifest(dir).verified("tool", "2.0")).toBeUndefined();
    expect(await new Manifest(dir).verified("other", "1.0")).toBeUndefined();
    writeFileSync(file(), "CONTENT");
    utimesSync(file(), 1, 1);
    expect(await new Manifest(dir).verified("tool", "1.0")).toBeUndefined();
    rmSync(file());
    expect(await new Manifest(dir).verified("tool", "1.0")).toBeUndefined();
  });

  it.each(["", "{", "[1]", '{"tool":1}', "null"])("starts empty if its file contains %j", async (text) => {
    writeFileSync(join(dir, "manifest.json"), text);
    expect(await new Manifest(dir).verified("tool", "1.0")).toBeUndefined();
    await new Manifest(dir).record("tool", "1.0", "built");
    expect(await new Manifest(dir).verified("tool", "1.0")).toBeDefined();
  });
});

describe("published checksums", () => {
  const hash = "a".repeat(64);

  it("are found by file name", () => {
    const text = `${"b".repeat(64)}  other.tar.gz\n${hash.toUpperCase()} *./tool.tar.gz\n`;
    expect(publishedChecksum(text, "tool.tar.gz")).toBe(hash);
    expect(publishedChecksum(text, "tool")).toBeUndefined();
    expect(publishedChecksum("<html>", "tool.tar.gz")).toBeUndefined();
  });
});

describe("the Pulumi CLI's checksum", () => {
  const hash = "a".repeat(64);
  const asked: string[] = [];
  const list = async (url: string) => {
    asked.push(url);
    return `${hash}  ${archiveName(PULUMI, "linux-x64")}\n`;
  };

  it("is the pinned one, and no host is asked", async () => {
    expect(await expectedChecksum("linux-x64", { "linux-x64": "pinned" }, list)).toBe("pinned");
    expect(asked).toEqual([]);
  });

  it("is else GitHub's, never that of the download's host", async () => {
    expect(await expectedChecksum("linux-x64", {}, list)).toBe(hash);
    expect(asked.map((url) => new URL(url).host)).toEqual(["github.com"]);
  });

  it("is a reason to install nothing if it can't be had", async () => {
    const unknown = "has no checksum at github.com";
    await expect(expectedChecksum("darwin-arm64", {}, list)).rejects.toThrow(unknown);
    const down = async () => Promise.reject(new Error("no such host"));
    await expect(expectedChecksum("linux-x64", {}, down)).rejects.toThrow(unknown);
  });
});

describe("the lock", () => {
  const lock = () => join(dir, "lock");
  const nobody = () => expect.unreachable("nobody else is at work");

  it("admits one process at a time", async () => {
    const order: string[] = [];
    const work = (name: string) => async () => {
      order.push(`${name} begins`);
      await new Promise((resolve) => setTimeout(resolve, 20));
      order.push(`${name} ends`);
    };
    const waited: number[] = [];
    const first = withLock(lock(), nobody, work("first"));
    const second = withLock(lock(), ({ pid }) => waited.push(pid), work("second"));
    await Promise.all([first, second]);
    expect(order).toEqual(["first begins", "first ends", "second begins", "second ends"]);
    expect(waited).toEqual([process.pid]);
    expect(existsSync(lock())).toBe(false);
  });

  it("is released when the work fails", async () => {
    await expect(withLock(lock(), nobody, () => Promise.reject(new Error("no")))).rejects.toThrow("no");
    expect(existsSync(lock())).toBe(false);
  });

  it("is taken over from an ended process, or one whose id was reused", async () => {
    const { pid } = spawnSync("true");
    for (const content of [
      JSON.stringify({ pid, started: "1" }),
      JSON.stringify({ pid: process.pid, started: "1" }),
      "half",
    ]) {
      writeFileSync(lock(), content);
      expect(await withLock(lock(), nobody, async () => "mine")).toBe("mine");
    }
    expect(isHeldBy({ pid, started: "" })).toBe(false);
  });
});

describe("provisioning", () => {
  const part = (more: Partial<Part>): Part => ({
    name: "tool",
    remedy: "install it",
    find: async () => undefined,
    ...more,
  });
  const run = (parts: Part[], build?: Build) => {
    process.env.OPENCODE_PLATFORM_TOOLCHAIN = dir;
    const builders = build && { builds: { tool: build }, installStandIns: () => [] };
    return provision(parts, { root: dir, progress: "quiet", builders }).finally(
      () => delete process.env.OPENCODE_PLATFORM_TOOLCHAIN,
    );
  };

  it("tries an installed tool, then the download, then the build, and stops at the first success", async () => {
    const tried: string[] = [];
    const way = (name: string, answer?: string) => async () => {
      tried.push(name);
      return answer;
    };
    await run([part({ find: way("find"), download: way("download") })], way("build", "built"));
    expect(tried).toEqual(["find", "find", "download", "build"]);
    tried.length = 0;
    await run([part({ find: way("find", "here"), download: way("download") })]);
    expect(tried).toEqual(["find"]);
  });

  it("shows the fix if every way fails", async () => {
    await expect(run([part({})])).rejects.toThrow(
      "tool: is not installed and can't be downloaded — install it",
    );
    await expect(run([part({})], async () => undefined)).rejects.toThrow(
      "tool: is not installed and can be neither downloaded nor built here — install it",
    );
    const build = async () => Promise.reject(new Error("compiler exited with code 1"));
    await expect(run([part({})], build)).rejects.toThrow("tool: compiler exited with code 1 — install it");
  });

  it("leaves nothing unfinished", async () => {
    let scratch = "";
    const build = async (context: { scratch: string }) => {
      scratch = context.scratch;
      writeFileSync(join(scratch, "half"), "");
      throw new Error("cut off");
    };
    await expect(run([part({})], build)).rejects.toThrow("cut off");
    expect(existsSync(scratch)).toBe(false);
    expect(existsSync(join(dir, "lock"))).toBe(false);
  });
});

describe("small helpers", () => {
  it("compares versions", () => {
    expect(compareVersions("3.274.1", "v3.99.0")).toBeGreaterThan(0);
    expect(compareVersions("20.10.24+dfsg1", "20.10")).toBeGreaterThan(0);
    expect(compareVersions("1.2", "1.2.0")).toBe(0);
    expect(["3.274.1", "3.199.0", "4.0.0", "3.300.0-alpha.1"].map(isCompatible)).toEqual([
      true,
      false,
      false,
      true,
    ]);
  });

  it("formats durations", () => {
    expect([400, 59_400, 250_000].map(duration)).toEqual(["0 s", "59 s", "4m10s"]);
  });

  it("runs commands without throwing by default", async () => {
    expect(await exec("cat", [], { input: "hi" })).toMatchObject({ code: 0, stdout: "hi" });
    expect(await exec("no-such-command-here", [])).toMatchObject({ code: 127 });
    expect(await exec("sleep", ["5"], { timeoutMs: 50 })).toMatchObject({ code: null });
    await expect(mustExec("sh", ["-c", "echo reason >&2; exit 3"])).rejects.toThrow(/code 3:\nreason/);
    expect(which("sh")).toMatch(/\/sh$/);
    expect(which("no-such-command-here")).toBeUndefined();
  });
});

describe("certificates of a PEM file", () => {
  const pem = (body: string) => `-----BEGIN CERTIFICATE-----\n${body}\n-----END CERTIFICATE-----`;

  it("are separated, whatever is between them", () => {
    expect(certificatesIn(`# one\n${pem("AAA")}\n\n# two\n${pem("BBB")}\n`)).toEqual([
      pem("AAA"),
      pem("BBB"),
    ]);
    expect(certificatesIn("nothing here")).toEqual([]);
  });
});

it("includes the images of the program", () => {
  expect(traefikPart.name).toBe(`image ${TRAEFIK_IMAGE}`);
  expect(baseImagePart().name).toBe(`image ${BASE_IMAGE}`);
  expect(BASE_IMAGE).toBe(parseSettings({}).baseImage);
});
