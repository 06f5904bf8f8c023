import { spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { EXIT } from "../../../attach/src/errors.ts";
import { ANN, BOB, Chain } from "../../support/attach/chain.ts";
import { Index } from "../../support/attach/index.ts";
import { Person, type Session } from "../../support/attach/person.ts";
import type { Ended } from "../../support/attach/world.ts";
import { projectApi, RELEASE } from "../../support/opencode.ts";
import { cleanEnv } from "../../support/platform.ts";
import { must, run } from "../../support/run.ts";
import { removeFolder, temporaryFolder } from "../../support/temporary.ts";
import { waitFor } from "../../support/wait.ts";

const root = resolve(import.meta.dirname, "../../..");

let chain: Chain;
let index: Index;
const folder = temporaryFolder();

beforeAll(async () => {
  chain = await Chain.start({ alpha: [ANN], beta: [ANN] });
  index = await Index.start(chain.platform, [
    { name: "alpha", state: "running", emails: [ANN] },
    { name: "beta", state: "stopped", emails: [ANN] },
  ]);
  await chain.answers("alpha");
});
afterAll(async () => {
  await index?.stop();
  await chain?.stop();
  removeFolder(folder);
});

const LIST = /^alpha {2}running {2}https:\/\/alpha-code\.example\.com:\d+\/\nbeta {3}stopped {2}https:.*\n$/;

/** Waits until the gateway routes to the index. */
const listed = (who: Person, program: readonly [string, ...string[]], env: Record<string, string>) =>
  waitFor<Ended>("the index", async () => {
    const [command, ...args] = program;
    const ended = await who.run(command, [...args, "ls", "--platform", chain.url()], env);
    return ended.code === EXIT.unreachable ? { seen: ended } : { done: ended };
  });

describe("the packed tarball in an empty folder", () => {
  let machine: Person;
  let files: string[];
  const bin = () => join(folder, "install", "node_modules", ".bin", "opencode-platform");

  beforeAll(async () => {
    const env = cleanEnv();
    const quiet = ["--silent", "--no-audit", "--no-fund"];
    const checkout = join(folder, "checkout");
    const copy = join(checkout, "attach");
    mkdirSync(checkout);
    await must("cp", ["-r", join(root, "attach"), copy]);
    await must("rm", ["-rf", join(copy, "dist"), join(copy, "node_modules")]);
    // The sources that are compiled with it, as modules.
    writeFileSync(join(checkout, "package.json"), '{ "type": "module" }');
    mkdirSync(join(checkout, "opencode"));
    await must("cp", ["-r", join(root, "opencode", "api"), join(checkout, "opencode", "api")]);
    copyFileSync(join(root, "tsconfig.json"), join(checkout, "tsconfig.json"));
    await must("ln", ["-s", join(root, "node_modules"), join(checkout, "node_modules")]);
    const pack = ["pack", "--json", "--pack-destination", folder, ...quiet];
    const [packed] = JSON.parse((await must("npm", pack, { cwd: copy, env })).stdout);
    files = packed.files.map(({ path }: { path: string }) => path);
    mkdirSync(join(folder, "install"));
    const prefix = ["--prefix", join(folder, "install")];
    await must("npm", ["install", "--prefer-offline", ...quiet, ...prefix, join(folder, packed.filename)], {
      env,
    });
    // The oldest supported Node, which is in the projects' image.
    machine = new Person(chain);
    await must("docker", ["cp", `${chain.platform.container("alpha")}:/usr/local/bin/node`, machine.bin]);
  });
  afterAll(() => machine?.remove());

  /** Only Node in PATH. */
  const alone = () => ({ PATH: machine.bin, ...chain.serviceToken });

  it("contains only the files and packages it needs", () => {
    expect(
      files.filter(
        (path) => !/^(dist\/(attach\/src|opencode\/api)\/[\w-]+\.js|package\.json|bin\.mjs)$/.test(path),
      ),
    ).toEqual([]);
    const lock = readFileSync(join(folder, "install", "package-lock.json"), "utf8");
    // http-proxy-3 and cross-spawn, with theirs.
    expect(Object.keys(JSON.parse(lock).packages).length).toBeLessThan(13);
  });

  it("lists the projects with only Node 22 in PATH", async () => {
    const version = await machine.run("node", ["--version"], alone());
    expect(version.stdout).toMatch(/^v22\./);
    const { code, stdout, stderr } = await listed(machine, [bin()], alone());
    expect([code, stdout, stderr]).toEqual([0, expect.stringMatching(LIST), ""]);
  });

  it("opens a port that serves the project", async () => {
    const env = { ...machine.env, ...alone() };
    const child = spawn(bin(), ["alpha", "--print", "--platform", chain.url()], { env });
    try {
      const [line] = (await once(child.stdout, "data")) as [Buffer];
      const response = await fetch(`${String(line).trim()}${projectApi.health.path}`);
      const answer = { status: response.status, body: await response.text() };
      expect(projectApi.health.read(answer)).toEqual({ version: RELEASE });
    } finally {
      child.kill();
    }
    expect(await once(child, "exit")).toEqual([0, null]);
  });

  it("prints how to install a missing opencode, and that a project is stopped", async () => {
    const missing = await machine.run(bin(), ["alpha", "--platform", chain.url()], alone());
    expect([missing.code, missing.stderr]).toEqual([
      EXIT.noOpencode,
      expect.stringContaining("npm install -g opencode-ai@"),
    ]);
    const stopped = await machine.run(bin(), ["beta"], alone());
    expect([stopped.code, stopped.stderr]).toEqual([EXIT.stopped, expect.stringMatching(/^beta is stopped/)]);
  });
});

describe("ls", () => {
  const program = [process.execPath, join(root, "attach", "bin.mjs")] as const;

  const lists = async (email: string) => {
    const person = new Person(chain, email);
    try {
      return await listed(person, [...program], {});
    } finally {
      person.remove();
    }
  };

  it("lists a member's projects with their states", async () => {
    expect(await lists(ANN)).toEqual({ code: 0, stdout: expect.stringMatching(LIST), stderr: "" });
  });

  it("reports that a colleague without projects has none", async () => {
    const stderr = "No projects found: ask to be added to a project's members.\n";
    expect(await lists(BOB)).toEqual({ code: 0, stdout: "", stderr });
  });

  it("reports that a stranger can't list the projects", async () => {
    const stderr = expect.stringMatching(
      /^You can't list the projects at code\.example\.com:\d+: .*\nRun: cloudflared access login/,
    );
    expect(await lists("eve@elsewhere.example")).toEqual({ code: EXIT.login, stdout: "", stderr });
  });
});

describe("a checkout", () => {
  const clone = join(folder, "clone");

  beforeAll(async () => {
    await must("git", ["clone", "--quiet", root, clone]);
  });

  it("runs by npx without installed packages", async () => {
    const somewhere = join(folder, "somewhere");
    mkdirSync(somewhere);
    const path = `${dirname(process.execPath)}:${process.env.PATH}`;
    // npx caches the packages it has run.
    const env = { ...cleanEnv(), PATH: path, npm_config_cache: join(folder, "npm") };
    const first = await run("npx", ["--yes", clone, "--help"], { cwd: somewhere, env });
    expect([first.code, first.stdout]).toEqual([
      0,
      expect.stringMatching(/^Usage:\n {2}opencode-platform <project>/),
    ]);
    expect(first.stderr).toContain("Installing http-proxy-3 (once)");
    const again = await run("npx", ["--yes", clone, "nosuch"], {
      cwd: somewhere,
      env: { ...env, HOME: somewhere },
    });
    expect([again.code, again.stderr]).toEqual([EXIT.usage, expect.stringMatching(/^No platform given\.\n/)]);
  });

  it("opens a project of a platform on this machine by `npm run attach`", async () => {
    const { fixture } = chain.platform;
    const person = new Person(chain);
    let session: Session | undefined;
    try {
      await person.installOpencode();
      const command = `cd ${fixture.root} && npm run --silent attach --`;
      session = await person.terminal(
        ["alpha", "--platform", `http://localhost:${fixture.port}`],
        {},
        command,
      );
      await session.drawn();
      await session.prompt("by-npm-run");
      expect((await session.leave()).code).toBe(0);
    } finally {
      await session?.close();
      person.remove();
    }
  });
});
