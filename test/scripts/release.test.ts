import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { PINNED_IMAGES } from "../../operate/versions/images.ts";
import { MACHINES } from "../../operate/versions/pulumi.ts";
import {
  assertPinned,
  datedChangelog,
  lockWithVersion,
  parseVersion,
  withVersion,
} from "../../scripts/lib/package/release.ts";

const read = (path: string) => readFileSync(join(import.meta.dirname, "../..", path), "utf8");

describe("a release", () => {
  it("validates a version like npm", () => {
    expect(parseVersion("0.2.0")).toBe("0.2.0");
    expect(parseVersion("1.0.0-beta.1")).toBe("1.0.0-beta.1");
    for (const text of [undefined, "", "v0.2.0", "0.2", "0.2.0 --force"])
      expect(() => parseVersion(text)).toThrow("is not a version");
  });

  it("is refused while something would be taken from the internet by its name alone", () => {
    const digests = Object.fromEntries(PINNED_IMAGES.map((image) => [image, "sha256:0"]));
    const checksums = Object.fromEntries(MACHINES.map((machine) => [machine, "0"]));
    assertPinned(digests, checksums);
    const [first = "", ...others] = PINNED_IMAGES;
    expect(() => assertPinned(Object.fromEntries(others.map((image) => [image, "x"])), checksums)).toThrow(
      `has no digest or checksum for ${first}`,
    );
    expect(() => assertPinned(digests, {})).toThrow("pulumi (linux-x64), pulumi (linux-arm64)");
  });

  it("changes nothing else in a package.json", () => {
    const changed = withVersion(read("package.json"), "9.8.7");
    expect(JSON.parse(changed)).toEqual({ ...JSON.parse(read("package.json")), version: "9.8.7" });
    expect(changed.split("\n").length).toBe(read("package.json").split("\n").length);
  });

  it("only changes its own packages in the lock, in npm's format", () => {
    const lock = read("package-lock.json");
    const { version } = JSON.parse(read("package.json"));
    expect(lockWithVersion(lock, version, ["attach", "lab"])).toBe(lock);
    const changed = lockWithVersion(lock, "9.8.7", ["attach", "lab"]).split("\n");
    const different = lock.split("\n").filter((line, index) => line !== changed[index]);
    expect(different).toHaveLength(4);
    expect(() => lockWithVersion(lock, "9.8.7", ["nowhere"])).toThrow('has no workspace "nowhere"');
  });
});

describe("CHANGELOG's date", () => {
  const older = "## [0.1.0] - 2026-11-25\n\n- Old\n";

  it("goes into the release's own section", () => {
    const text = `## [Unreleased]\n\n## [0.2.0]\n\n- New\n\n${older}`;
    expect(datedChangelog(text, "0.2.0", "2026-12-01")).toBe(text.replace("[0.2.0]", "[0.2.0] - 2026-12-01"));
  });

  it("turns the unreleased section into the release's", () => {
    expect(datedChangelog(`## [Unreleased]\n\n- New\n\n${older}`, "0.3.0", "2026-12-01")).toBe(
      `## [Unreleased]\n\n## [0.3.0] - 2026-12-01\n\n- New\n\n${older}`,
    );
  });

  it("is refused for a release without content, and for a published one", () => {
    expect(() => datedChangelog(`## [Unreleased]\n\n${older}`, "0.3.0", "x")).toThrow("nothing about 0.3.0");
    expect(() => datedChangelog(`## [Unreleased]\n\n- New\n${older}`, "0.1.0", "x")).toThrow("already");
  });
});
