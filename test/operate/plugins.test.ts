/** What the scripts do before the engine runs on a stack, on a machine with stand-ins. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { install } from "../../lab/plugins/install.ts";
import type { Verb } from "../../operate/engine/command-line.ts";
import { removeStandIns } from "../../toolchain/lib/stand-ins.ts";

const folder = mkdtempSync(join(tmpdir(), "scripts-plugins-"));
const toolchain = join(folder, "toolchain");
const fetched: string[] = [];
const TESTS = {
  DIGITALOCEAN_API_URL: "http://198.18.9.1:4010",
  CLOUDFLARE_BASE_URL: "http://198.18.9.1:4011/client/v4",
};

beforeEach(() => {
  fetched.length = 0;
  vi.resetModules();
  install(toolchain, process.execPath);
  vi.stubEnv("OPENCODE_PLATFORM_TOOLCHAIN", toolchain);
  vi.stubEnv("PATH", "/usr/bin:/bin");
  vi.stubEnv("HOME", folder);
  for (const name of ["PULUMI_HOME", "PULUMI_BIN", ...Object.keys(TESTS)]) vi.stubEnv(name, undefined);
  vi.stubGlobal("fetch", async (url: string) => {
    fetched.push(new URL(url).hostname);
    return new Response("", { status: 503 });
  });
  for (const stream of ["log", "error"] as const) vi.spyOn(console, stream).mockReturnValue();
});
afterEach(() => {
  vi.unstubAllEnvs();
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const session = async (stack: string) =>
  (await import("../../operate/engine/session.ts")).openSession(stack, { PULUMI_CONFIG_PASSPHRASE: "" });
const plugins = () => import("../../operate/engine/plugins.ts");
const REFUSED = /^pulumi plugins: stack prod is in a real cloud, and these plugins are stand-ins/;

describe("a stack in a real cloud", () => {
  it.each<Verb>(["up", "preview", "refresh", "destroy"])(
    "is refused for %s if the official plugins can't be downloaded, before any other request",
    async (verb) => {
      const { prepareCommand } = await import("../../operate/engine/prepare-command.ts");
      await expect(prepareCommand(await session("prod"), verb)).rejects.toThrow(REFUSED);
      expect([...new Set(fetched)]).toEqual(expect.arrayContaining(["get.pulumi.com"]));
      expect(
        fetched.filter((host) => !/^(get\.pulumi\.com|github\.com|registry-1\.docker\.io)$/.test(host)),
      ).toEqual([]);
    },
  );

  it("continues once official plugins have replaced the stand-ins, with their own home", async () => {
    const { preparePlugins } = await plugins();
    const own = await session("prod");
    expect(own.variables.PULUMI_HOME).toBe(join(toolchain, "pulumi-home"));
    const asked: boolean[] = [];
    await preparePlugins(own, async (standIns) => {
      asked.push(standIns);
      removeStandIns(toolchain);
    });
    expect(asked).toEqual([false]);
    expect(own.variables.PULUMI_HOME).toBeUndefined();
  });

  it("is refused if stand-ins remain", async () => {
    const { preparePlugins } = await plugins();
    await expect(preparePlugins(await session("prod"), async () => {})).rejects.toThrow(REFUSED);
  });

  it("is refused if one of the clouds is real", async () => {
    vi.stubEnv("CLOUDFLARE_BASE_URL", TESTS.CLOUDFLARE_BASE_URL);
    const { preparePlugins } = await plugins();
    await expect(preparePlugins(await session("prod"), async () => {})).rejects.toThrow(REFUSED);
  });
});

describe("stand-ins are enough", () => {
  const bring = () => expect.unreachable("there is nothing to bring");

  it("for this machine's stack", async () => {
    const { preparePlugins } = await plugins();
    await preparePlugins(await session("local"), bring);
  });

  it("if both clouds are stand-ins", async () => {
    for (const [name, value] of Object.entries(TESTS)) vi.stubEnv(name, value);
    const { preparePlugins } = await plugins();
    await preparePlugins(await session("prod"), bring);
  });

  it("and are only installed for those if the engine has no plugins", async () => {
    removeStandIns(toolchain);
    const { preparePlugins } = await plugins();
    const asked: boolean[] = [];
    const note = async (standIns: boolean) => void asked.push(standIns);
    await preparePlugins(await session("local"), note);
    await preparePlugins(await session("prod"), note);
    expect(asked).toEqual([true, false]);
  });
});

it("no shell is prepared for a stack that refuses stand-ins", () => {
  const env = (...args: string[]) => {
    const script = new URL("../../scripts/env.ts", import.meta.url).pathname;
    return spawnSync(process.execPath, [script, ...args], { encoding: "utf8", env: process.env });
  };
  vi.stubEnv("PULUMI_STACK", undefined);
  vi.stubEnv("PULUMI_BACKEND_URL", pathToFileURL(folder).href);
  const refused = env("--stack", "prod");
  expect([refused.status, refused.stdout]).toEqual([1, ""]);
  expect(refused.stderr).toMatch(REFUSED);
  for (const [name, value] of Object.entries(TESTS)) vi.stubEnv(name, value);
  expect(env("--stack", "prod").stdout).toContain(`export PULUMI_HOME=`);
});

describe("doctor", () => {
  it("reports stand-ins in a real cloud with the fix, and notes them elsewhere", async () => {
    const { checkTools } = await import("../../operate/doctor/machine.ts");
    const look = async (stack: string) => (await checkTools(await session(stack), true)).at(-1);
    expect(await look("prod")).toMatchObject({
      verdict: "failed",
      text: expect.stringContaining("plugins: stand-in plugins: stack prod is in a real cloud"),
      fix: expect.stringContaining("npm run pulumi -- preview --stack prod"),
    });
    expect(await look("local")).toMatchObject({ verdict: "note", text: "plugins: stand-in plugins" });
    for (const [name, value] of Object.entries(TESTS)) vi.stubEnv(name, value);
    expect(await look("prod")).toMatchObject({ verdict: "note" });
  });

  it("accepts official plugins", async () => {
    const { pluginsFinding } = await import("../../operate/doctor/machine.ts");
    expect(pluginsFinding("official plugins")).toEqual({
      verdict: "ok",
      text: "plugins: official plugins",
    });
  });
});
