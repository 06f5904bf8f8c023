/**
 * Installs the stand-in plugins where the engine looks for them: the language host next to the `pulumi`
 * binary, the providers in PULUMI_HOME. Each is a small shell script that runs this directory's sources with
 * Node.
 */
import { createHash } from "node:crypto";
import { chmodSync, mkdirSync, readFileSync, realpathSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { LANGUAGE_HOST, STAND_IN_HOST_VARIABLE } from "../../config/stack/stand-ins.ts";
import { pluginVersion } from "./shared/version.ts";

/** Target directories. */
export interface InstallTarget {
  /** Directory of the real `pulumi` binary, where the engine looks for its language host. */
  readonly binDirectory: string;
  /** PULUMI_HOME. */
  readonly pulumiHome: string;
  /** Node's cache of compiled code. */
  readonly cacheDirectory: string;
  /** The Node (24 or later) for the plugins, if the project has none. */
  readonly node: string;
}

/** A stand-in. */
interface StandIn {
  readonly folder: string;
  readonly executable: string;
  /** Its directory under PULUMI_HOME; the language host has none. */
  readonly pluginFolder?: string;
}

const HERE = dirname(fileURLToPath(import.meta.url));
const ROOT = dirname(dirname(HERE));

function provider(name: string): StandIn {
  return {
    folder: name,
    executable: `pulumi-resource-${name}`,
    pluginFolder: `resource-${name}-v${pluginVersion(name)}`,
  };
}

const STAND_INS: readonly StandIn[] = [
  { folder: "language-nodejs", executable: LANGUAGE_HOST },
  provider("docker"),
  provider("command"),
  provider("random"),
  provider("tls"),
  provider("digitalocean"),
  provider("cloudflare"),
];

/** Quotes a word for the shell. */
function quoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

/**
 * The script that starts a stand-in. The engine starts plugins in the project's directory: a checkout with
 * its own copy of these sources runs that one, so several checkouts can share one toolchain.
 */
export function shim(folder: string, target: Pick<InstallTarget, "cacheDirectory" | "node">): string {
  const main = `lab/plugins/${folder}/main.ts`;
  return [
    "#!/bin/sh",
    `root=${quoted(ROOT)}`,
    `if [ -f "$PWD/${main}" ] && [ -d "$PWD/node_modules/@pulumi/pulumi" ]; then root=$PWD; fi`,
    `node=${quoted(target.node)}`,
    'if [ -x "$root/node_modules/.bin/node" ]; then node=$root/node_modules/.bin/node; fi',
    `cache=${quoted(target.cacheDirectory)}`,
    'if [ -n "$NODE_COMPILE_CACHE" ]; then cache=$NODE_COMPILE_CACHE; fi',
    "export NODE_COMPILE_CACHE=$cache",
    // Lets the program know that a stand-in runs it.
    ...(folder === "language-nodejs" ? [`export ${STAND_IN_HOST_VARIABLE}="$0"`] : []),
    `exec "$node" --disable-warning=ExperimentalWarning "$root/${main}" "$@"`,
    "",
  ].join("\n");
}

function digest(content: string): string {
  return createHash("sha256").update(content).digest("hex");
}

/** Writes an executable file unless it is up to date; returns whether it wrote. */
function writeExecutable(file: string, content: string): boolean {
  let current: string | undefined;
  try {
    current = readFileSync(file, "utf8");
  } catch {
    current = undefined;
  }
  if (current !== undefined && digest(current) === digest(content)) return false;
  mkdirSync(dirname(file), { recursive: true });
  const fresh = `${file}.${process.pid}`;
  writeFileSync(fresh, content);
  chmodSync(fresh, 0o755);
  renameSync(fresh, file);
  return true;
}

/** Installs all stand-ins; returns the written files, none if everything was up to date. */
export function installPlugins(target: InstallTarget): string[] {
  mkdirSync(target.binDirectory, { recursive: true });
  const bin = realpathSync(target.binDirectory);
  const written: string[] = [];
  for (const { folder, executable, pluginFolder } of STAND_INS) {
    const home = pluginFolder === undefined ? bin : join(target.pulumiHome, "plugins", pluginFolder);
    const file = join(home, executable);
    if (writeExecutable(file, shim(folder, target))) written.push(file);
  }
  return written;
}

/** The default layout of a toolchain directory. */
export function install(toolchainDirectory: string, node: string): string[] {
  return installPlugins({
    binDirectory: join(toolchainDirectory, "bin"),
    pulumiHome: join(toolchainDirectory, "pulumi-home"),
    cacheDirectory: join(toolchainDirectory, "node-cache"),
    node,
  });
}
