/**
 * The program of the pinned releases, in a folder of this program's own: the one package for the machine, by its checksum, and without any
 * package's script. npx has no way to say what a package has to be. Nor does npm hold a package to a lock's SHA-256: where the registry has a
 * SHA-512, it compares that alone. So the archive is compared here.
 */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";
import { promisify } from "node:util";
import { UserError } from "./errors.ts";

/** A package, and its archive's integrity as npm writes it. */
export type PinnedPackage = readonly [name: string, integrity: string];

/**
 * By major and machine (Node's names of system and processor; `linux-x64-baseline` is for processors without AVX2). Those for Linux are the
 * platform's own (config/opencode-releases.ts, which a test compares); the others' SHA-256 are from a public project that pins the same files,
 * and whose figures for Linux are these. Where one is missing, nothing is installed.
 */
export const PACKAGES: Readonly<Record<number, Readonly<Record<string, PinnedPackage>>>> = {
  1: {
    "linux-x64": [
      "opencode-linux-x64",
      "sha512-q/t/3p2CTxOT9y2kvjesb/LZab2+1eqlhhWA02Be6mjTtmYtNBcBsrI5yDo4Fw7ZSPBW2oyMIGMNRqiKQjiAWw==",
    ],
    "linux-x64-baseline": [
      "opencode-linux-x64-baseline",
      "sha512-1KQGBiiDDeL/VHHbHkOvvFo8Jr97WT5+C1tear+p7IcDTnXgVHXqIjU4O4jM4mHQzykTP2i884FCnW5LDa+zCA==",
    ],
    "linux-arm64": ["opencode-linux-arm64", "sha256-GW0MrxwFU/zRLvFf8UQ56n5rx6TofqUji8tXu+blS5M="],
    "darwin-arm64": ["opencode-darwin-arm64", "sha256-zSxwStZTE3timSvKKzI4P42qMbPJRi5WYnjh77oHsx0="],
    "darwin-x64": ["opencode-darwin-x64", "sha256-4jzzbU20YhTb+Ue3t4usY9Lwqebph8XW5HxXPYu2/zI="],
    "win32-arm64": ["opencode-windows-arm64", "sha256-IIU7O5Lp3D6c+fWGfg9dDVBQZlV4jlCDl+RoAnH5zoU="],
    "win32-x64": ["opencode-windows-x64", "sha256-/Ha9Sg8lgCdZT2qJAOIg/Qb3NFy15n9z3DtPU7o/WA4="],
  },
  2: {
    "linux-x64-baseline": [
      "@opencode/cli-linux-x64-baseline",
      "sha256-VItwnvqCKfl8NffMa6Y1QlxAfFszgqdDXpKoDOAGz80=",
    ],
    "linux-arm64": ["@opencode/cli-linux-arm64", "sha256-3cmOXHicSW2toez66f5OCTHHrEOkbaVDa5fs2lzQul0="],
  },
};

/** Milliseconds for npm: the package has 60 MB. */
const TIMEOUT_MS = 600_000;

/** The machine, as the keys above name it, the best fit first. */
function machines(): string[] {
  const key = `${process.platform}-${process.arch}`;
  if (key !== "linux-x64") return [key];
  return hasAvx2() ? [key, `${key}-baseline`] : [`${key}-baseline`];
}

function hasAvx2(): boolean {
  try {
    return /\bavx2\b/.test(readFileSync("/proc/cpuinfo", "utf8"));
  } catch {
    return false;
  }
}

export interface Pinned {
  readonly major: number;
  /** The release. */
  readonly version: string;
  /** Installs it by hand, where this can't. */
  readonly byHand: string;
}

/**
 * The path of a pinned release's program; installs it if it is not there yet.
 * @param options.warn receives a line before an installation
 * @param options.packages default: `PACKAGES`
 * @throws UserError (`noOpencode`) if no checksum is known for this machine, or npm fails, as it does for a file with another checksum
 */
export async function pinnedProgram(
  { major, version, byHand }: Pinned,
  {
    env,
    warn,
    packages = PACKAGES[major] ?? {},
  }: {
    readonly env: NodeJS.ProcessEnv;
    readonly warn: (line: string) => void;
    readonly packages?: Readonly<Record<string, PinnedPackage>>;
  },
): Promise<string> {
  const machine = machines().find((name) => packages[name]);
  const [name, integrity] = (machine && packages[machine]) || [];
  if (name === undefined || integrity === undefined)
    throw new UserError(
      "noOpencode",
      "opencode",
      `No checksum of opencode ${version} is known for ${machines()[0]}.`,
      byHand,
    );
  const folder = join(cacheOf(env), "opencode-platform", `opencode-${version}-${machine}`);
  if (!existsSync(folder)) {
    warn(`Installing opencode ${version} (once) …`);
    await install(folder, { name, version, integrity }, { env, byHand });
  }
  const bin = join(folder, "bin");
  const programs = existsSync(bin) ? readdirSync(bin) : [];
  const program = programs.find((each) => /^opencode(\.exe)?$/.test(each)) ?? programs[0];
  if (program !== undefined) return join(bin, program);
  throw new UserError("noOpencode", "opencode", `${folder} has no program.`, `Delete that folder. ${byHand}`);
}

/** XDG's rule: a relative path is ignored. */
function cacheOf({ XDG_CACHE_HOME = "" }: NodeJS.ProcessEnv): string {
  return isAbsolute(XDG_CACHE_HOME) ? XDG_CACHE_HOME : join(homedir(), ".cache");
}

interface Package {
  readonly name: string;
  readonly version: string;
  readonly integrity: string;
}

/** @throws Error for a file with another checksum */
export function verify(archive: Uint8Array, integrity: string): void {
  const [algorithm = ""] = integrity.split("-", 1);
  const found = `${algorithm}-${createHash(algorithm).update(archive).digest("base64")}`;
  if (found !== integrity) throw new Error(`its package has ${found}, not ${integrity}`);
}

/** Whole or not at all: in a folder beside it, which then gets its name. */
async function install(
  folder: string,
  { name, version, integrity }: Package,
  { env, byHand }: { readonly env: NodeJS.ProcessEnv; readonly byHand: string },
): Promise<void> {
  const part = `${folder}.${process.pid}`;
  // Access's token is not for npm.
  const { CF_ACCESS_CLIENT_ID: _id, CF_ACCESS_CLIENT_SECRET: _secret, ...others } = env;
  const run = (command: string, args: readonly string[]) =>
    promisify(execFile)(command, args, { cwd: part, env: others, timeout: TIMEOUT_MS });
  try {
    mkdirSync(part, { recursive: true });
    await run("npm", ["pack", "--ignore-scripts", "--silent", `${name}@${version}`]);
    const archive = readdirSync(part).find((file) => file.endsWith(".tgz")) ?? "";
    verify(readFileSync(join(part, archive)), integrity);
    await run("tar", ["-xzf", archive, "--strip-components=1"]);
    rmSync(join(part, archive));
    if (!existsSync(folder)) renameSync(part, folder);
  } catch (error) {
    const { stderr = "", message } = error as Error & { stderr?: string };
    const [line = message] = stderr.split("\n").filter(Boolean);
    throw new UserError(
      "noOpencode",
      "opencode",
      `opencode ${version} could not be installed: ${line}`,
      byHand,
    );
  } finally {
    rmSync(part, { recursive: true, force: true });
  }
}
