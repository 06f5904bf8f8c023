// The launcher's decisions, without side effects. Plain JavaScript: it runs before anything is installed.
import { createHash } from "node:crypto";
import { existsSync, readFileSync, realpathSync, statSync } from "node:fs";
import { delimiter, dirname, join, resolve, sep } from "node:path";

/**
 * Commands in a team's repository; the other scripts are for developing the platform, and not in the package.
 */
export const TEAM_COMMANDS = [
  "start",
  "apply",
  "setup",
  "opencode",
  "refresh",
  "check",
  "devcontainer",
  "doctor",
  "pulumi",
  "env",
  "panel",
  "ci",
  "down",
  "purge",
  "reset-home",
  "backup",
  "backups",
  "restore",
  "checkpoint",
  "checkpoints",
  "rollback",
  "fork",
  "restart",
  "init",
];

/** The file with the hash of the package-lock.json that node_modules was installed from. */
export const stampFile = (root) => join(root, "node_modules", ".package-lock-sha256");

/** @param {string} root */
export function lockHash(root) {
  return createHash("sha256")
    .update(readFileSync(join(root, "package-lock.json")))
    .digest("hex");
}

/**
 * Whether node_modules matches package-lock.json.
 * @param {string} root
 */
export function isInstalled(root) {
  try {
    return readFileSync(stampFile(root), "utf8").trim() === lockHash(root) && existsSync(nodeBinary(root));
  } catch {
    return false;
  }
}

/** Variables that an install gets: where programs and certificates are, the proxy, and npm's own settings with what its registry asks for. */
const INSTALL_VARIABLES =
  /^(PATH|HOME|USER|LOGNAME|SHELL|LANG|LC_\w+|TZ|TERM|CI|TMPDIR|TEMP|TMP|XDG_\w+|(HTTPS?|NO|ALL)_PROXY|SSL_CERT_(FILE|DIR)|NODE_EXTRA_CA_CERTS|NODE_USE_ENV_PROXY|NPM_CONFIG_\w+|NPM_TOKEN|NODE_AUTH_TOKEN|SYSTEMROOT|COMSPEC|PATHEXT|APPDATA|LOCALAPPDATA|USERPROFILE)$/i;

/**
 * The environment of an install: without the passphrase, the clouds' tokens, and whatever else a pipeline or a panel has for updates.
 * @param {Readonly<Record<string, string | undefined>>} env
 */
export const installEnvironment = (env) =>
  Object.fromEntries(Object.entries(env).filter(([name]) => INSTALL_VARIABLES.test(name)));

/**
 * How an install runs npm: by a Node that it does not replace. `npm run` puts the dependencies' own first on PATH, and `npm ci` removes that.
 * @param {string} root
 * @param {Readonly<Record<string, string | undefined>>} env
 * @param {string} execPath the Node that runs this
 */
export function npmOf(root, env, execPath) {
  const modules = join(root, "node_modules");
  const folders = [modules, ...(existsSync(modules) ? [realpathSync(modules)] : [])];
  const isReplaced = (path) => folders.some((folder) => `${path}${sep}`.startsWith(folder + sep));
  const PATH = (env.PATH ?? "").split(delimiter).filter((folder) => !isReplaced(folder));
  const node = [env.npm_node_execpath, execPath].find((path) => path && !isReplaced(path));
  const npm = env.npm_execpath;
  const [command, first] =
    node && npm && /\.c?js$/.test(npm) && !isReplaced(npm) ? [node, [npm]] : ["npm", []];
  return { command, first, env: { ...installEnvironment(env), PATH: PATH.join(delimiter) } };
}

/**
 * What installs the dependencies, as npm's arguments one after the other: no package's script, then the one of `node`, which fetches the program
 * for this machine.
 */
export const INSTALL_STEPS = [
  ["ci", "--ignore-scripts", "--no-progress"],
  ["rebuild", "node", "--ignore-scripts=false", "--no-progress"],
];

/** The Node from the dependencies, as the machine's own may be too old. */
export const nodeBinary = (root) => join(root, "node_modules", ".bin", "node");

/**
 * Paths of the program: a checkout runs its sources with its dependencies' Node on its own folder; an
 * installed package runs compiled files with the Node next to it in node_modules, on the nearest folder with
 * a Pulumi.yaml.
 * @param {string} home the program's folder
 * @param {string} cwd
 */
export function layoutOf(home, cwd) {
  if (existsSync(join(home, "scripts", "start.ts")))
    return { isPackage: false, root: home, extension: "ts", node: nodeBinary(home) };
  return {
    isPackage: true,
    root: folderWith("Pulumi.yaml", cwd) ?? cwd,
    extension: "js",
    node: join(dirname(home), ".bin", "node"),
  };
}

function folderWith(name, from) {
  for (let folder = from; ; folder = dirname(folder)) {
    if (existsSync(join(folder, name))) return folder;
    if (folder === dirname(folder)) return undefined;
  }
}

/**
 * Node's cache of compiled code between commands: without it, each command compiles everything again (`npm
 * start`'s modules take 1.1 s of CPU time, 0.45 s with it). The program, which the engine starts, inherits
 * it.
 * @param {string} root
 * @param {Readonly<Record<string, string | undefined>>} env
 */
export const compileCache = (root, env) =>
  resolve(root, env.OPENCODE_PLATFORM_TOOLCHAIN || ".toolchain", "node-cache");

/**
 * Whether the package `node` has downloaded its program: without its install script there is only a small
 * placeholder.
 */
export const isFetched = (node) => (statSync(node, { throwIfNoEntry: false })?.size ?? 0) > 2 ** 20;

/**
 * Parses a script's command line: a name from the folder scripts, and its arguments.
 * @param {readonly string[]} argv
 */
export function parseArguments(argv) {
  const [name = "", ...args] = argv;
  return /^[a-z][a-z-]*$/.test(name) ? { name, args } : undefined;
}
