/**
 * Puts the stand-in plugins where the engine looks for them: the language host next to the `pulumi` binary, the providers in the
 * plugin folder of PULUMI_HOME. What is written are small shell scripts that start this folder's sources with Node.
 */
import { createHash } from "node:crypto";
import { chmodSync, mkdirSync, readFileSync, realpathSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { LANGUAGE_HOST, STAND_IN_HOST_VARIABLE } from "../../config/stack/stand-ins.ts";
import { pluginVersion } from "./shared/version.ts";

/** Where things go. */
export interface InstallTarget {
  /** The folder of the real `pulumi` binary: the engine looks for its language host there. */
  readonly binDirectory: string;
  /** PULUMI_HOME. */
  readonly pulumiHome: string;
  /** Where Node keeps compiled code between runs. */
  readonly cacheDirectory: string;
  /** The Node (24 or later) to run the plugins with, when the project itself brings none. */
  readonly node: string;
}

/** One stand-in. */
interface StandIn {
  readonly folder: string;
  readonly executable: string;
  /** Its place under PULUMI_HOME; the language host has none. */
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

/** A word in single quotes for the shell. */
function quoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

/**
 * The script that starts a stand-in. The engine starts plugins in the project's folder: a checkout that has its own copy of these
 * sources runs that one, so several checkouts can share one toolchain.
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
    // By this the program knows what runs it, wherever the engine has found it.
    ...(folder === "language-nodejs" ? [`export ${STAND_IN_HOST_VARIABLE}="$0"`] : []),
    `exec "$node" --disable-warning=ExperimentalWarning "$root/${main}" "$@"`,
    "",
  ].join("\n");
}

function digest(content: string): string {
  return createHash("sha256").update(content).digest("hex");
}

/** Writes an executable file unless it already is as it should be; says whether it wrote. */
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

/** Installs all stand-ins; returns the files that had to be written, none when everything was in place. */
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

/** The usual layout of a toolchain folder. */
export function install(toolchainDirectory: string, node: string): string[] {
  return installPlugins({
    binDirectory: join(toolchainDirectory, "bin"),
    pulumiHome: join(toolchainDirectory, "pulumi-home"),
    cacheDirectory: join(toolchainDirectory, "node-cache"),
    node,
  });
}
