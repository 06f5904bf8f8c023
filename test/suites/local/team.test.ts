/**
 * A team's own repository: created from the packed tarball, started and upgraded, with npm, the real engine
 * and Docker.
 */
import { cpSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { leftOn, removeAll } from "../../support/docker.ts";
import { freePort } from "../../support/free-port.ts";
import { cleanEnv, Platform } from "../../support/platform.ts";
import { answering } from "../../support/ready.ts";
import { must } from "../../support/run.ts";
import { removeFolder, temporaryFolder } from "../../support/temporary.ts";

/** The clone that all test files share; the package is built from it. */
const clone = new Platform();
const folder = temporaryFolder();
const repository = join(folder, "team");
/** Path of a version's tarball. */
const tarball = (version: string) => join(folder, `opencode-platform-${version}.tgz`);
const LATER = "0.2.1";

let version = "";
let team: Platform;

const npm = (cwd: string, ...args: string[]) => must("npm", args, { cwd, env: cleanEnv() });

/** Packs the release, and the same code with a later version. */
async function packBoth(): Promise<void> {
  await npm(clone.fixture.root, "run", "--silent", "build");
  const dist = clone.path("dist");
  const file = join(dist, "package.json");
  version = JSON.parse(readFileSync(file, "utf8")).version;
  cpSync(join(dist, `opencode-platform-${version}.tgz`), tarball(version));
  const later = join(folder, "later");
  mkdirSync(later);
  await must("tar", ["-xzf", tarball(version), "-C", later, "--strip-components=1"]);
  const manifest = { ...JSON.parse(readFileSync(file, "utf8")), version: LATER };
  writeFileSync(join(later, "package.json"), JSON.stringify(manifest));
  await npm(later, "pack", "--silent", "--ignore-scripts", "--pack-destination", folder);
}

beforeAll(async () => {
  const prefix = `e2e-${process.pid}`;
  team = new Platform({ ...clone.fixture, root: repository, prefix, port: await freePort() });
  await packBoth();
});
afterAll(async () => {
  const down = await team?.npm("run", "down");
  const left = await leftOn(team.fixture.prefix).finally(() => removeAll(team.fixture.prefix));
  if (team) removeFolder(team.workspacesDir);
  removeFolder(folder);
  expect([down?.code, left]).toEqual([0, []]);
});

describe("the package", () => {
  it("has no lab, tests or TypeScript for Node to run, and everything that it imports", async () => {
    const { stdout } = await must("tar", ["-tzf", tarball(version)]);
    const files = stdout
      .trim()
      .split("\n")
      .map((path) => path.replace(/^package\//, ""));
    expect(files.filter((path) => /^(lab|test|bench)\/|\/lab\/|\.test\./.test(path))).toEqual([]);
    expect(files.filter((path) => path.endsWith(".ts") && !path.startsWith("panel/page/"))).toEqual([]);
    const { size } = statSync(tarball(version));
    console.log(`The package: ${Math.round(size / 1000)} kB, ${files.length} files.`);
    const modules = files.filter((path) => path.endsWith(".js"));
    const missing = modules.flatMap((path) => {
      const text = readFileSync(join(clone.path("dist"), path), "utf8");
      return [...text.matchAll(/(?:from|import|import\()\s*"(\.[^"]+)"/g)]
        .map(([, specifier = ""]) => join(path, "..", specifier))
        .filter((imported) => !files.includes(imported))
        .map((imported) => `${path} imports ${imported}`);
    });
    expect(modules.length).toBeGreaterThan(100);
    expect(missing).toEqual([]);
  });
});

describe("a team's repository", () => {
  it("is written by npx from the tarball", async () => {
    const spec = `file:${tarball(version)}`;
    const npx = ["--yes", "--prefer-offline", "--package", tarball(version), "opencode-platform"];
    const written = await must("npx", [...npx, "init", "team", "--package", spec], {
      cwd: folder,
      env: cleanEnv(),
    });
    expect(written.stdout).toContain("npm install");
  });

  it("is installed by npm, and checks its own files", async () => {
    await npm(repository, "install", "--prefer-offline", "--no-audit", "--no-fund");
    team.write([{ name: "alpha" }]);
    const settings = { port: String(team.fixture.port), namePrefix: team.fixture.prefix };
    const lines = Object.entries(settings).map(([key, value]) => `  opencode-platform:${key}: "${value}"\n`);
    writeFileSync(join(repository, "Pulumi.local.yaml"), `config:\n${lines.join("")}`);
    const check = await team.npm("run", "check");
    expect([check.code, check.stdout]).toEqual([0, expect.stringContaining("1 project (alpha)")]);
  });

  it("reports a problem in its own projects.yaml", async () => {
    team.write([{ name: "Alpha" }]);
    const check = await team.npm("run", "check");
    team.write([{ name: "alpha" }]);
    expect([check.code, check.output]).toEqual([1, expect.stringContaining("projects.yaml:")]);
  });

  it("starts a platform of its own", async () => {
    const started = await team.npm("start");
    expect([started.code, started.output]).toEqual([0, expect.stringContaining(team.url("alpha"))]);
    await answering(team, "alpha");
    const doctor = await team.npm("run", "doctor");
    expect([doctor.code, doctor.output]).toEqual([
      0,
      expect.stringContaining(`opencode-platform: ${version}`),
    ]);
  });

  it("has nothing to do after an upgrade", async () => {
    const before = await team.ids();
    expect(Object.keys(before)).toContain(team.container("alpha"));
    await npm(repository, "install", "--prefer-offline", "--no-audit", "--no-fund", tarball(LATER));
    const doctor = await team.npm("run", "doctor");
    expect(doctor.output).toContain(`opencode-platform: ${LATER}`);
    const updated = await team.update();
    expect([updated.code, updated.changes]).toEqual([0, []]);
    expect(await team.ids()).toEqual(before);
  });
});
