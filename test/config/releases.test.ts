import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { OPENCODE_RELEASES } from "../../config/opencode-releases.ts";
import { type LoadOptions, loadProjects } from "../../config/projects/load.ts";
import { LAB_RELEASES_VARIABLE, NEWEST, releasesOf } from "../../config/projects/releases.ts";
import { OPENCODE, OPENCODE_2 } from "../../config/versions.ts";
import { apiFor } from "../../opencode/api/index.ts";
import { complaints } from "../support/complaints.ts";

const LAB = join(import.meta.dirname, "../../lab/opencode/releases.json");
const world: LoadOptions = { file: "projects.yaml", stack: "local" };
const entry = (opencode: string) => `projects:\n  - name: web\n    opencode: ${opencode}\n`;
const versionOf = (text: string, options = world) => loadProjects(text, options)[0]?.opencode.version;
const problemsOf = (text: string, options = world) => complaints(() => loadProjects(text, options));

describe("opencode.version", () => {
  it.each([
    ["{}", OPENCODE],
    ["{ version: 1 }", OPENCODE],
    ['{ version: "1" }', OPENCODE],
    ["{ version: 2 }", OPENCODE_2],
    [`{ version: ${OPENCODE_2} }`, OPENCODE_2],
    ["{ version: 1.18.30 }", "1.18.30"],
  ])("%s is the release %s", (opencode, release) => {
    expect(versionOf(entry(opencode))).toBe(release);
  });

  it("is taken from defaults, unless the entry has its own", () => {
    const defaults = "defaults: { opencode: { version: 2 } }\n";
    expect(versionOf(defaults + entry("{ model: a/b }"))).toBe(OPENCODE_2);
    expect(versionOf(defaults + entry("{ version: 1 }"))).toBe(OPENCODE);
  });

  it.each([
    ["1.18", "1.18 is not a release: write 1 or 2"],
    ["3", "3 is not a release: write 1 or 2"],
    ["latest", '"latest" is not a release: write 1 or 2'],
    ["^2.0.0", '"^2.0.0" is not a release'],
    ["[1]", "is not a release"],
    ["1.18.999", '"1.18.999" is not a release of opencode that this version of the platform pins'],
    ["2.0.19", "did you mean 2.0.18?"],
    ["2.0.14-shuv.1", "is not a release of opencode that this version of the platform pins"],
    ["constructor", '"constructor" is not a release'],
    ['""', '"" is not a release'],
    ["null", "is empty: set a value, or remove it"],
    ["true", "is not a release"],
    ["{ major: 2 }", "is not a release"],
    ["1.18.33-beta", '"1.18.33-beta" is not a release of opencode that this version of the platform pins'],
    ["v1.18.33", '"v1.18.33" is not a release'],
    ["2.x", '"2.x" is not a release'],
    ["1.18.33 ; rm -rf /", "is not a release"],
    ["../../1.18.33", "is not a release"],
    ["-1", "is not a release"],
  ])("%s is refused, with a place and one sentence", (version, message) => {
    const problems = problemsOf(entry(`{ version: ${version} }`));
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain("projects.yaml:3:");
    expect(problems[0]).toContain(message);
  });

  it.each([
    ["vresion: 2", "vresion"],
    ["version: 2, version: 1", "version"],
    ["major: 2", "major"],
  ])("an entry with opencode: { %s } is refused", (opencode, word) => {
    const [problem] = problemsOf(entry(`{ ${opencode} }`));
    expect(problem).toContain("projects.yaml:3:");
    expect(problem).toContain(word);
  });

  it("is refused in defaults too", () => {
    const [problem] = problemsOf("defaults: { opencode: { version: 9.9.9 } }\nprojects: []\n");
    expect(problem).toContain("defaults.opencode.version");
  });

  it("is refused where the host's processor has no program of it", () => {
    const arm = { ...world, processor: "arm64" };
    expect(versionOf(entry(`{ version: ${OPENCODE_2} }`), arm)).toBe(OPENCODE_2);
    expect(problemsOf(entry("{ version: 1.18.30 }"), arm)[0]).toContain(
      "opencode 1.18.30 is not pinned for the host's processor (arm64)",
    );
    expect(versionOf(entry("{ version: 1.18.30 }"), { ...world, processor: "x64" })).toBe("1.18.30");
  });
});

describe("the pinned releases", () => {
  it("have the newest of each major, for every processor that upstream builds for", () => {
    for (const version of Object.values(NEWEST)) {
      const processors = Object.keys(OPENCODE_RELEASES[version] ?? {});
      expect(processors, version).toEqual(expect.arrayContaining(["x64-baseline", "arm64"]));
    }
  });

  it("have an API, and an integrity of each file", () => {
    for (const [version, binaries] of Object.entries(OPENCODE_RELEASES)) {
      expect(apiFor(version).major).toBe(Number(version[0]));
      for (const integrity of Object.values(binaries))
        expect(integrity).toMatch(/^(sha512-[\w+/]{86}==|sha256-[\w+/]{43}=)$/);
    }
  });

  it("are upstream's alone: the fork's build of the tests is known to their own stack only, when they name its file", () => {
    const fork = Object.keys(JSON.parse(readFileSync(LAB, "utf8")) as object);
    expect(fork).toHaveLength(1);
    const env = { [LAB_RELEASES_VARIABLE]: LAB };
    expect(Object.keys(releasesOf("local", env))).toEqual(expect.arrayContaining(fork));
    for (const known of [releasesOf("local", {}), releasesOf("prod", env), OPENCODE_RELEASES])
      for (const version of fork) expect(Object.keys(known)).not.toContain(version);
    for (const { package: name } of Object.values(releasesOf("prod", env)).flatMap(Object.values))
      expect(name).toBeUndefined();
  });
});
