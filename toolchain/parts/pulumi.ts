import { chmodSync, existsSync, mkdirSync, readdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { fail } from "../../config/errors.ts";
import { PULUMI, PULUMI_OLDEST, PULUMI_SHA256 } from "../../config/versions.ts";
import { fetchFile, fetchText } from "../lib/download.ts";
import { exec, mustExec, which } from "../lib/exec.ts";
import { publishedChecksum } from "../lib/manifest.ts";
import { compareVersions } from "../lib/words.ts";
import type { Context, Part } from "../part.ts";

/** Where Pulumi publishes its releases. */
export const PULUMI_HOST = "get.pulumi.com";
const BINARY = "bin/pulumi";
const RELEASES = `https://${PULUMI_HOST}/releases/sdk`;

/** The release's list of checksums at GitHub: another host than that of the download. */
export const checksumsUrl = (version: string): string =>
  `https://github.com/pulumi/pulumi/releases/download/v${version}/pulumi-${version}-checksums.txt`;

/** The name of a release's archive for a machine. */
export const archiveName = (version: string, machine: string): string =>
  `pulumi-v${version}-${machine}.tar.gz`;

/**
 * The SHA-256 that an archive must have: the pinned one, else GitHub's. Never what the download's own host says.
 * @throws UserError if neither is known
 */
export async function expectedChecksum(
  machine: string,
  pinned: Readonly<Record<string, string>> = PULUMI_SHA256,
  fetchList: (url: string) => Promise<string> = fetchText,
): Promise<string> {
  const own = pinned[machine];
  if (own) return own;
  const name = archiveName(PULUMI, machine);
  const list = await fetchList(checksumsUrl(PULUMI)).catch((error: unknown) => (error as Error).message);
  const fix =
    "install it yourself, or pin its checksum in config/versions.ts (npm run versions -- pulumi <version>)";
  return (
    publishedChecksum(list, name) ??
    fail("environment", name, "has no checksum at github.com that could be read", fix)
  );
}

/** The CLI: `PULUMI_BIN`, the pinned one in the toolchain's folder, or a compatible one on PATH. */
export async function findPulumi(dir: string): Promise<{ path: string; version: string } | undefined> {
  const named = process.env.PULUMI_BIN;
  const own = join(dir, BINARY);
  if (named) return { path: named, version: (await pulumiVersion(named)) ?? "unknown" };
  if (existsSync(own)) return { path: own, version: PULUMI };
  const path = which("pulumi");
  const version = path ? await pulumiVersion(path) : undefined;
  return path && version && isCompatible(version) ? { path, version } : undefined;
}

/** Whether an installed CLI can be used instead of the pinned one. */
export function isCompatible(version: string): boolean {
  return compareVersions(version, PULUMI_OLDEST) >= 0 && compareVersions(version, "4") < 0;
}

export const pulumiPart: Part = {
  name: `pulumi ${PULUMI}`,
  remedy: `install Pulumi ${PULUMI} (https://www.pulumi.com/docs/install) so that \`pulumi\` is on PATH`,

  async find({ dir, manifest }) {
    if (!process.env.PULUMI_BIN) {
      const entry = await manifest.verified(BINARY, PULUMI);
      if (entry) return `already in the toolchain's folder (${entry.way})`;
    }
    const path = process.env.PULUMI_BIN ?? which("pulumi");
    if (!path || path === join(dir, BINARY)) return undefined;
    const version = await pulumiVersion(path);
    return version && isCompatible(version) ? `already installed (${version}, ${path})` : undefined;
  },

  async download(context) {
    const target = archiveTarget();
    if (!target || !(await context.network.reaches(PULUMI_HOST))) return undefined;
    const name = archiveName(PULUMI, target);
    const archive = join(context.scratch, name);
    const expected = await expectedChecksum(target);
    const found = await fetchFile(`${RELEASES}/${name}`, archive, context.progress);
    if (found !== expected) {
      fail("environment", name, `has SHA-256 ${found}, not ${expected}, so it is refused`);
    }
    context.progress("unpacking");
    await mustExec("tar", ["-xzf", archive, "-C", context.scratch]);
    await installPulumi(join(context.scratch, "pulumi"), "official download", context);
    return "official download, checksum matches";
  },
};

/** Moves a folder's files into `bin`, the CLI last. */
export async function installPulumi(folder: string, way: string, { dir, manifest }: Context): Promise<void> {
  const bin = join(dir, "bin");
  mkdirSync(bin, { recursive: true });
  const names = readdirSync(folder).sort((a, b) => Number(a === "pulumi") - Number(b === "pulumi"));
  for (const name of names) {
    chmodSync(join(folder, name), 0o755);
    renameSync(join(folder, name), join(bin, name));
    await manifest.record(`bin/${name}`, PULUMI, way);
  }
}

async function pulumiVersion(path: string): Promise<string | undefined> {
  const env = { ...process.env, PULUMI_SKIP_UPDATE_CHECK: "true" };
  const { code, stdout } = await exec(path, ["version"], { env, timeoutMs: 15_000 });
  return code === 0 ? stdout.trim().replace(/^v/, "") : undefined;
}

function archiveTarget(): string | undefined {
  const system = { linux: "linux", darwin: "darwin" }[process.platform as string];
  const cpu = { x64: "x64", arm64: "arm64" }[process.arch as string];
  return system && cpu ? `${system}-${cpu}` : undefined;
}
