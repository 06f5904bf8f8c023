/** The plugins of a toolchain: official ones if available, stand-ins as a last resort. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { PULUMI } from "../../config/versions.ts";
import { builders } from "../../lab/build/index.ts";
import { Manifest } from "../../toolchain/lib/manifest.ts";
import { Network, PATIENT } from "../../toolchain/lib/network.ts";
import { installedStandIns } from "../../toolchain/lib/stand-ins.ts";
import type { Context } from "../../toolchain/part.ts";
import { describePlugins, pluginsPart, pulumiHome, summarisePlugins } from "../../toolchain/parts/plugins.ts";
import { provision } from "../../toolchain/provision.ts";

// The archives here are the test's own, so that the pinned checksums can't be theirs: the list at the other host counts.
vi.mock("../../config/versions.ts", async (original) => ({
  ...(await original<typeof import("../../config/versions.ts")>()),
  PULUMI_SHA256: {},
}));

const HOST = "get.pulumi.com";
const root = join(import.meta.dirname, "../..");
/** A CLI that installs plugins like the real one, into PULUMI_HOME. */
const CLI = `#!/bin/sh
if [ "$1" = version ]; then echo v${PULUMI}; exit; fi
folder="$PULUMI_HOME/plugins/resource-$4-v$5"
mkdir -p "$folder" && printf '\\177ELF' > "$folder/pulumi-resource-$4" && chmod 755 "$folder/pulumi-resource-$4"
`;

let folder: string;
let dir: string;
/** Fetched URLs. */
let fetched: string[];
/** Whether the official host is reachable. */
let isReachable: boolean;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "toolchain-plugins-"));
  dir = join(folder, "toolchain");
  mkdirSync(dir);
  fetched = [];
  isReachable = false;
  vi.stubEnv("PATH", "/usr/bin:/bin");
  vi.stubEnv("HOME", folder);
  for (const name of ["PULUMI_HOME", "PULUMI_BIN"]) vi.stubEnv(name, undefined);
  const archive = makeArchive();
  vi.stubGlobal("fetch", async (url: string) => {
    fetched.push(url);
    if (!isReachable) throw new TypeError("fetch failed");
    if (url.endsWith("checksums.txt")) {
      const hash = createHash("sha256").update(archive).digest("hex");
      const targets = ["linux-x64", "linux-arm64", "darwin-x64", "darwin-arm64"];
      return new Response(targets.map((target) => `${hash}  pulumi-v${PULUMI}-${target}.tar.gz\n`).join(""));
    }
    return new Response(url.endsWith(".tar.gz") ? new Uint8Array(archive) : "");
  });
});
afterEach(() => {
  vi.unstubAllEnvs();
  vi.unstubAllGlobals();
  rmSync(folder, { recursive: true, force: true });
});

/** The official archive: a CLI and its language host. */
function makeArchive(): Buffer {
  const pulumi = join(folder, "archive", "pulumi");
  mkdirSync(pulumi, { recursive: true });
  writeFileSync(join(pulumi, "pulumi"), CLI);
  writeFileSync(join(pulumi, "pulumi-language-nodejs"), Buffer.from("\x7fELF"));
  return execFileSync("tar", ["-C", join(folder, "archive"), "-czf", "-", "pulumi"]);
}

function context(mayBuild: boolean): Context {
  const scratch = join(dir, "tmp");
  mkdirSync(scratch, { recursive: true });
  const network = new Network([], { [HOST]: { tryMs: 1000, pausesMs: [1, 1] } });
  const env = process.env;
  return {
    root,
    dir,
    manifest: new Manifest(dir),
    network,
    scratch,
    env,
    builders: mayBuild ? builders : undefined,
    progress: () => {},
  };
}

/** Installs the part like `provision`, without its retries. */
async function bring(mayBuild: boolean): Promise<string | undefined> {
  const own = context(mayBuild);
  const found = await pluginsPart.find(own);
  return (
    found ?? (await pluginsPart.download?.(own)) ?? (await own.builders?.builds[pluginsPart.name]?.(own))
  );
}

/** A CLI built without internet: without its language host. */
async function buildCli(): Promise<void> {
  mkdirSync(join(dir, "bin"));
  writeFileSync(join(dir, "bin", "pulumi"), CLI);
  chmodSync(join(dir, "bin", "pulumi"), 0o755);
}

const passes = (hours: number) => {
  const then = new Date(Date.now() - hours * 3_600_000);
  utimesSync(join(dir, "plugins-missed"), then, then);
};

describe("a machine that can't reach the official plugins", () => {
  beforeEach(async () => {
    await buildCli();
    expect(await bring(true)).toMatch(/^stand-ins in TypeScript/);
  });

  it("tries more than once before using stand-ins, and not again at every start", async () => {
    expect(fetched).toEqual(Array(3).fill(`https://${HOST}/`));
    expect(await summarisePlugins(dir)).toBe("stand-in plugins");
    expect(await bring(true)).toBe("stand-ins, already in the toolchain's folder");
    expect(fetched).toHaveLength(3);
  });

  it("tries again some hours later", async () => {
    passes(7);
    expect(await bring(true)).toMatch(/^stand-ins in TypeScript/);
    expect(fetched).toHaveLength(6);
    expect(await bring(true)).toBe("stand-ins, already in the toolchain's folder");
  });

  it("replaces them as soon as the official ones are available", async () => {
    passes(7);
    isReachable = true;
    expect(await bring(true)).toBe("official download");
    expect(installedStandIns(dir)).toEqual([]);
    expect(pulumiHome(dir)).toBeUndefined();
    expect(await summarisePlugins(dir)).toBe("official plugins");
    expect(await describePlugins(dir)).toContain(
      `nodejs: official, ${join(dir, "bin/pulumi-language-nodejs")}`,
    );
    fetched.length = 0;
    expect(await bring(true)).toBe("official, already installed");
    expect(fetched).toEqual([]);
  });

  it("replaces them even if a shell still has the toolchain's folder", async () => {
    vi.stubEnv("PULUMI_HOME", join(dir, "pulumi-home"));
    passes(7);
    isReachable = true;
    await bring(true);
    expect(await summarisePlugins(dir)).toBe("official plugins");
  });

  it("keeps them if the download is interrupted", async () => {
    passes(7);
    isReachable = true;
    const answer = fetch;
    vi.stubGlobal("fetch", async (url: string) =>
      url.endsWith(".tar.gz") ? new Response("half") : answer(url),
    );
    expect(await bring(true)).toMatch(/^stand-ins in TypeScript/);
    expect(await summarisePlugins(dir)).toBe("stand-in plugins");
  });

  it("rejects them for a real cloud, however recently the official ones were looked for", async () => {
    expect(await pluginsPart.find(context(false))).toBeUndefined();
    isReachable = true;
    expect(await bring(false)).toBe("official download");
    expect(await summarisePlugins(dir)).toBe("official plugins");
  });

  it("reports a broken download that should replace them for a real cloud", async () => {
    isReachable = true;
    const list = ["x64", "arm64"].map((cpu) => `${"0".repeat(64)}  pulumi-v${PULUMI}-linux-${cpu}.tar.gz`);
    vi.stubGlobal(
      "fetch",
      async (url: string) => new Response(new URL(url).host === "github.com" ? list.join("\n") : "half"),
    );
    await expect(bring(false)).rejects.toThrow("has SHA-256");
  });
});

it("installs no stand-ins unless requested", async () => {
  await buildCli();
  expect(await bring(false)).toBeUndefined();
  expect(existsSync(join(dir, "pulumi-home"))).toBe(false);
  expect(existsSync(join(dir, "bin/pulumi-language-nodejs"))).toBe(false);
});

it("has builders only if they are passed in", async () => {
  vi.stubEnv("OPENCODE_PLATFORM_TOOLCHAIN", dir);
  const seen: boolean[] = [];
  const find = async ({ builders }: Context) => String(seen.push(builders !== undefined));
  const part = { name: "part", remedy: "none", find };
  await provision([part], { root: folder, progress: "quiet" });
  await provision([part], { root: folder, progress: "quiet", builders });
  expect(seen).toEqual([false, true]);
});

describe("whether a host is reachable", () => {
  it("is decided after several tries, at least 10 s in total", () => {
    expect(PATIENT.tryMs).toBeGreaterThanOrEqual(10_000);
    expect(PATIENT.pausesMs.length).toBeGreaterThanOrEqual(1);
    expect(PATIENT.pausesMs.reduce((sum, ms) => sum + ms, 0)).toBeGreaterThanOrEqual(10_000);
  });

  it("is decided that way when parts are installed", async () => {
    vi.stubEnv("OPENCODE_PLATFORM_TOOLCHAIN", dir);
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const asked = () => fetched.filter((url) => url.includes(HOST)).length;
    const part = {
      name: "part",
      remedy: "none",
      find: async () => undefined,
      download: async ({ network }: Context) => String(await network.reaches(HOST)),
    };
    const provisioned = provision([part], { root: folder, progress: "quiet" });
    let isOver = false;
    void provisioned.finally(() => {
      isOver = true;
    });
    try {
      await vi.advanceTimersByTimeAsync(9999);
      expect([asked(), isOver]).toEqual([2, false]);
      await vi.advanceTimersByTimeAsync(1);
    } finally {
      vi.useRealTimers();
    }
    await provisioned;
    expect(asked()).toBe(3);
  });

  it("is true at the first successful try, and checked once", async () => {
    let tries = 0;
    vi.stubGlobal("fetch", async () => {
      if (++tries < 3) throw new TypeError("fetch failed");
      return new Response();
    });
    const network = new Network([], { [HOST]: { tryMs: 1000, pausesMs: [1, 1, 1] } });
    expect(await Promise.all([network.reaches(HOST), network.reaches(HOST)])).toEqual([true, true]);
    expect(tries).toBe(3);
  });

  it("waits for a slow response up to the timeout", async () => {
    vi.stubGlobal("fetch", (_: string, { signal }: RequestInit) => {
      return new Promise((resolve, reject) => {
        setTimeout(() => resolve(new Response()), 30);
        signal?.addEventListener("abort", () => reject(signal.reason as Error));
      });
    });
    const reaches = (tryMs: number) => new Network([], { [HOST]: { tryMs, pausesMs: [] } }).reaches(HOST);
    expect([await reaches(10_000), await reaches(1)]).toEqual([true, false]);
  });
});
