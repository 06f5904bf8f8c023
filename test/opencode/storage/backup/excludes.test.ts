/** What backups leave out, and that docs/backup.md lists it. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { backupModule } from "../../../support/storage/backup.ts";

const { DEFAULT_EXCLUDES, forFind, forRestic } = await backupModule<{
  DEFAULT_EXCLUDES: readonly string[];
  forFind(patterns: readonly string[], part: string): string[];
  forRestic(patterns: readonly string[], root: string): string[];
}>("excludes");

it("is listed on the page, all of it and nothing else", () => {
  const page = readFileSync(new URL("../../../../docs/backup.md", import.meta.url), "utf8");
  const row = (label: string) =>
    [...(new RegExp(`^\\| ${label} \\| (.*) \\|$`, "m").exec(page)?.[1] ?? "").matchAll(/`([^`]+)`/g)].map(
      ([, name]) => name,
    );
  const home = row("in the home").map((path) => `/home/${path}`);
  expect([...row("anywhere"), ...home].sort()).toEqual([...DEFAULT_EXCLUDES].sort());
});

describe("a pattern", () => {
  it("of a place is one below the folder that restic is run in", () => {
    expect(forRestic(["dist", "a/b", "/home/.cache"], "/w/[1]")).toEqual([
      "dist",
      "a/b",
      "/w/\\[1\\]/home/.cache",
    ]);
  });

  it("is the same for find, in the part it is of", () => {
    const patterns = ["*.iso", "a/b", "a/**/c", "/home/.cache", "/workspace/data/"];
    expect(forFind(patterns, "home").join(" ")).toBe(
      "-name *.iso -o -path */a/b -o -path */a/*/c -o -path ./.cache",
    );
    expect(forFind(patterns, "workspace").join(" ")).toBe(
      "-name *.iso -o -path */a/b -o -path */a/*/c -o -path ./data",
    );
  });
});
