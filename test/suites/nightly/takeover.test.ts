/**
 * A stack created by an older release, taken over by this one with only `up`: containers whose image has changed are replaced once, and their
 * sessions and passwords stay. (0.2.0 took it over with every container unchanged.)
 */
import { cpSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { toolchainDir } from "../../../toolchain/paths.ts";
import { execIn, removeAll } from "../../support/docker.ts";
import { freePort } from "../../support/free-port.ts";
import { callAt, projectApi } from "../../support/opencode.ts";
import { Platform } from "../../support/platform.ts";
import { answering } from "../../support/ready.ts";
import { must, run } from "../../support/run.ts";
import { removeFolder, temporaryFolder } from "../../support/temporary.ts";

/** The last commit before projects had fewer resources. */
const OLD = "55ce41a";
const CHECKOUT = join(import.meta.dirname, "../../..");
const PROJECTS = ["alpha", "beta"] as const;

const folder = temporaryFolder();
const root = join(folder, "checkout");
let platform: Platform;
let ids: Record<string, string>;
let passwords: string[];

const passwordOf = async (name: string) =>
  (await execIn(platform.container(name), ["cat", "/run/opencode/password"])).stdout;

/** Status of a project's opencode for a password, requested without the gateway. */
async function statusWith(name: string, password: string): Promise<string> {
  const args = ["-s", "-m", "20", "-o", "/dev/null", "-w", "%{http_code}", "-u", `opencode:${password}`];
  return (await execIn(platform.container(name), ["curl", ...args, "http://127.0.0.1:4096/session"])).stdout;
}

beforeAll(async () => {
  const { code } = await run("git", ["-C", CHECKOUT, "cat-file", "-e", `${OLD}^{commit}`]);
  if (code !== 0)
    throw new Error(
      `This checkout's history does not reach ${OLD}: fetch all of it (git fetch --unshallow).`,
    );
  // A toolchain of its own, as each release writes its own stand-ins into it.
  const toolchain = join(folder, "toolchain");
  cpSync(toolchainDir(CHECKOUT), toolchain, { recursive: true });
  process.env.OPENCODE_PLATFORM_TOOLCHAIN = toolchain;
  const port = await freePort();
  platform = new Platform({ ...inject("fixture"), root, prefix: `e2e-${process.pid}`, port });
  await must("git", ["clone", "--quiet", CHECKOUT, root]);
  await must("git", ["-C", root, "checkout", "--quiet", OLD]);
  const config = { port: `"${port}"`, namePrefix: platform.fixture.prefix };
  const lines = Object.entries(config).map(([key, value]) => `  opencode-platform:${key}: ${value}\n`);
  writeFileSync(join(root, "Pulumi.local.yaml"), `config:\n${lines.join("")}`);
  platform.write(platform.baseline());
  const started = await platform.npm("start");
  if (started.code !== 0)
    throw new Error(`npm start of ${OLD} ended with ${started.code}:\n${started.output}`);
  for (const name of PROJECTS) await answering(platform, name);
  await callAt({ port, path: "/p/alpha" }, projectApi.createSession("from before"));
  ids = await platform.ids();
  passwords = await Promise.all(PROJECTS.map(passwordOf));
  const { stdout } = await must("git", ["-C", CHECKOUT, "rev-parse", "HEAD"]);
  await must("git", ["-C", root, "checkout", "--quiet", "--force", stdout.trim()]);
  platform.write(platform.baseline());
}, 30 * 60_000);

afterAll(async () => {
  if (platform) {
    await platform.npm("run", "down");
    await removeAll(platform.fixture.prefix);
  }
  removeFolder(folder);
});

describe(`a stack created by ${OLD}`, () => {
  it("is taken over by an update, which replaces the containers of the changed image, and Traefik", async () => {
    const { code, output } = await platform.update();
    expect(code, output).toBe(0);
    const now = await platform.ids();
    const unchanged = Object.keys(ids).filter((name) => now[name] === ids[name]);
    expect(unchanged).toEqual([]);
    expect(Object.keys(now).sort()).toEqual(Object.keys(ids).sort());
    ids = now;
  });

  it("has the sessions that it had", async () => {
    await answering(platform, "alpha");
    const sessions = await callAt({ port: platform.fixture.port, path: "/p/alpha" }, projectApi.sessions(50));
    expect(sessions.map(({ title }) => title)).toContain("from before");
  });

  it("still responds through the gateway, with the same passwords", async () => {
    for (const [index, name] of PROJECTS.entries()) {
      await answering(platform, name);
      expect(await passwordOf(name)).toBe(passwords[index]);
      expect(await statusWith(name, passwords[index] ?? "")).toBe("200");
    }
  });

  it("has nothing to do in the next update", async () => {
    const { changes, output } = await platform.update();
    expect(changes, output).toEqual([]);
    expect(await platform.ids()).toEqual(ids);
  });
});
