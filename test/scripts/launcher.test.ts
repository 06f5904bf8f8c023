import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  compileCache,
  INSTALL_STEPS,
  installEnvironment,
  isInstalled,
  lockHash,
  nodeBinary,
  npmOf,
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

  it("runs no package's script but that of node, and gives an install nothing of what updates need", () => {
    expect(INSTALL_STEPS.map(([verb, what]) => [verb, what])).toEqual([
      ["ci", "--ignore-scripts"],
      ["rebuild", "node"],
    ]);
    const kept = {
      PATH: "/bin",
      HOME: "/h",
      https_proxy: "p",
      npm_config_cache: "/c",
      NODE_EXTRA_CA_CERTS: "/x",
    };
    const secrets = {
      PULUMI_CONFIG_PASSPHRASE: "s",
      PULUMI_ACCESS_TOKEN: "s",
      AWS_SECRET_ACCESS_KEY: "s",
      DIGITALOCEAN_TOKEN: "s",
      CLOUDFLARE_API_TOKEN: "s",
      TUNNEL_SERVICE_TOKEN_SECRET: "s",
      GITHUB_TOKEN: "s",
      SSH_AUTH_SOCK: "/s",
      ANYTHING_ELSE: "s",
    };
    expect(installEnvironment({ ...kept, ...secrets, EMPTY: undefined })).toEqual(kept);
  });

  it("installs by that, in a checkout", () => {
    const own = join(import.meta.dirname, "../..");
    for (const file of ["run.mjs", "lib/launcher.mjs"])
      cpSync(join(own, "scripts", file), join(root, "scripts", file));
    writeFileSync(join(root, "scripts", "start.ts"), "");
    mkdirSync(join(root, "bin"));
    // A Node of the size that a fetched one has at least, for the launcher to start.
    const npm = `#!/bin/sh
echo "npm $*" >> ${root}/npm.log
env >> ${root}/npm.log
mkdir -p ${root}/node_modules/.bin
{ printf '#!/bin/sh\\nexit 7\\n'; head -c 2000000 /dev/zero | tr '\\0' '\\n'; } > ${root}/node_modules/.bin/node
chmod 755 ${root}/node_modules/.bin/node
`;
    writeFileSync(join(root, "bin", "npm"), npm, { mode: 0o755 });
    const env = {
      PATH: `${join(root, "bin")}:${process.env.PATH}`,
      HOME: root,
      PULUMI_CONFIG_PASSPHRASE: "hush-passphrase",
      DIGITALOCEAN_TOKEN: "hush-token",
    };
    const { status } = spawnSync(process.execPath, [join(root, "scripts", "run.mjs"), "start"], {
      cwd: root,
      env,
    });
    const log = readFileSync(join(root, "npm.log"), "utf8");
    expect([status, log.match(/^npm .*/gm)]).toEqual([
      7,
      INSTALL_STEPS.map((step) => `npm ${step.join(" ")}`),
    ]);
    expect(log).not.toContain("hush");
  });

  it("installs by a Node that the install does not replace, after an upgrade of the dependencies", () => {
    installed();
    const own = nodeBinary(root);
    const npm = "/usr/lib/npm/bin/npm-cli.js";
    const PATH = `${dirname(own)}:/usr/bin`;
    // As `npm run` starts the launcher: the dependencies' Node is the first on PATH.
    const started = { PATH, npm_execpath: npm, npm_node_execpath: "/usr/bin/node" };
    expect(npmOf(root, started, own)).toMatchObject({ command: "/usr/bin/node", first: [npm] });
    // npm itself was started by that Node.
    const byOwn = npmOf(root, { ...started, npm_node_execpath: own }, own);
    expect(byOwn).toEqual({ command: "npm", first: [], env: { PATH: "/usr/bin" } });
    expect(npmOf(root, { PATH, npm_execpath: npm }, "/usr/bin/node").command).toBe("/usr/bin/node");
    expect(npmOf(root, { PATH }, "/usr/bin/node").command).toBe("npm");
  });

  it("is not all that keeps packages' scripts from being run: npm's own settings here do, too", () => {
    const npmrc = readFileSync(join(import.meta.dirname, "../../.npmrc"), "utf8");
    expect(npmrc.split("\n")).toContain("ignore-scripts=true");
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
