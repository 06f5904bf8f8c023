import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  compileCache,
  isInstalled,
  lockHash,
  nodeBinary,
  parseArguments,
  stampFile,
} from "../../scripts/lib/launcher.mjs";

let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "launcher-"));
  writeFileSync(join(root, "package-lock.json"), "{}");
});

afterEach(() => rmSync(root, { recursive: true }));

function installed(): void {
  mkdirSync(join(root, "node_modules", ".bin"), { recursive: true });
  writeFileSync(nodeBinary(root), "");
  writeFileSync(stampFile(root), `${lockHash(root)}\n`);
}

describe("the launcher", () => {
  it("installs in a fresh clone, and not again", () => {
    expect(isInstalled(root)).toBe(false);
    installed();
    expect(isInstalled(root)).toBe(true);
  });

  it("installs again after package-lock.json has changed", () => {
    installed();
    writeFileSync(join(root, "package-lock.json"), "{ }");
    expect(isInstalled(root)).toBe(false);
  });

  it("installs again after an interrupted install, or if Node is missing", () => {
    installed();
    rmSync(stampFile(root));
    expect(isInstalled(root)).toBe(false);
    installed();
    rmSync(nodeBinary(root));
    expect(isInstalled(root)).toBe(false);
  });

  it("keeps compiled code in the toolchain's folder", () => {
    expect(compileCache(root, {})).toBe(join(root, ".toolchain", "node-cache"));
    expect(compileCache(root, { OPENCODE_PLATFORM_TOOLCHAIN: "/tools" })).toBe("/tools/node-cache");
  });

  it("runs scripts by their plain name only", () => {
    expect(parseArguments(["pulumi", "up", "--yes"])).toEqual({ name: "pulumi", args: ["up", "--yes"] });
    for (const name of ["", "../x", "lib/main", "A", "a.ts"]) expect(parseArguments([name])).toBeUndefined();
    expect(parseArguments([])).toBeUndefined();
  });
});
