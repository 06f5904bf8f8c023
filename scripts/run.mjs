#!/usr/bin/env node
// The launcher of every npm script: installs the dependencies if needed, then runs scripts/<name> with their
// Node.
// Plain JavaScript for Node 18 and newer, because the machine's own Node may be that old.
// In a team's repository, where this is a package in node_modules, npm has already installed them.
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { constants } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  compileCache,
  INSTALL_STEPS,
  isFetched,
  isInstalled,
  layoutOf,
  lockHash,
  npmOf,
  parseArguments,
  stampFile,
  TEAM_COMMANDS,
} from "./lib/launcher.mjs";

const home = dirname(dirname(fileURLToPath(import.meta.url)));
const { isPackage, root, extension, node } = layoutOf(home, process.cwd());

function fail(message) {
  console.error(message);
  process.exit(1);
}

/** Only one `npm ci` at a time: a second launcher waits for the first. */
function takeInstallLock(file) {
  mkdirSync(dirname(file), { recursive: true });
  for (let waited = 0; waited < 600_000; waited += 300) {
    try {
      writeFileSync(file, String(process.pid), { flag: "wx" });
      return;
    } catch (error) {
      if (error.code !== "EEXIST") throw error;
    }
    if (!isRunning(Number(readFileSync(file, "utf8")))) rmSync(file, { force: true });
    else Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300);
  }
  fail(`Another \`npm ci\` has been running for ten minutes (${file}).`);
}

function isRunning(pid) {
  if (!pid) return true;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}

function install() {
  const lock = join(root, ".state", "npm-ci.lock");
  takeInstallLock(lock);
  process.once("exit", () => rmSync(lock, { force: true }));
  if (isInstalled(root)) return;
  process.stderr.write("Installing dependencies (npm ci) … ");
  rmSync(stampFile(root), { force: true });
  const began = Date.now();
  const { command, first, env } = npmOf(root, process.env, process.execPath);
  for (const step of INSTALL_STEPS) {
    const { status, stdout, stderr, error } = spawnSync(command, [...first, ...step], {
      cwd: root,
      encoding: "utf8",
      env: { ...env, npm_config_loglevel: "warn" },
      maxBuffer: 64 * 2 ** 20,
    });
    if (status === 0) continue;
    process.stderr.write("failed\n");
    const said = `${stdout ?? ""}${stderr ?? ""}${error ? `${error.message}\n` : ""}`;
    fail(`${said}\`npm ${step.join(" ")}\` failed; see above.`);
  }
  writeFileSync(stampFile(root), `${lockHash(root)}\n`);
  process.stderr.write(`done in ${Math.round((Date.now() - began) / 1000)} s\n`);
  rmSync(lock, { force: true });
}

/** The Node for a script: the dependencies' own, or this one if it is new enough. */
function chooseNode(name) {
  if (isFetched(node)) return node;
  const [major, minor] = process.versions.node.split(".").map(Number);
  // A package fetched by npx may lack a Node next to it, and `init` works with an older one.
  if (major >= 24 || (name === "init" && (major > 20 || (major === 20 && minor >= 11))))
    return process.execPath;
  return fail(
    `${node} is missing: run \`npm ci --ignore-scripts && npm rebuild node\`, with "allowScripts": { "node": true } in package.json for npm 11 and newer, or install Node 24.`,
  );
}

function run({ name, args }, script) {
  // Makes fetch use the environment's proxy, like other tools.
  const env = { ...process.env, NODE_USE_ENV_PROXY: "1" };
  env.NODE_COMPILE_CACHE ??= compileCache(root, env);
  if (isPackage) env.OPENCODE_PLATFORM_ROOT = root;
  else delete env.OPENCODE_PLATFORM_ROOT;
  const child = spawn(chooseNode(name), [script, ...args], { stdio: "inherit", env });
  // The terminal also sends Ctrl-C to the child, which decides; the launcher waits for it.
  process.on("SIGINT", () => {});
  for (const signal of ["SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  child.on("error", (error) => fail(`${node}: ${error.message}`));
  child.on("exit", (code, signal) => process.exit(code ?? 128 + (constants.signals[signal] ?? 0)));
}

const wanted = parseArguments(process.argv.slice(2));
const script = wanted ? join(home, "scripts", `${wanted.name}.${extension}`) : "";
if (!wanted || !existsSync(script))
  fail(
    `Script "${process.argv[2] ?? ""}" not found; see "scripts" in package.json${isPackage ? ` (available: ${TEAM_COMMANDS.join(", ")})` : ""}.`,
  );
if (!isPackage && !isInstalled(root)) install();
run(wanted, script);
