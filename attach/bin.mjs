#!/usr/bin/env node
// Starts the program: in a checkout its source, else the code that `npm pack` compiled. Plain JavaScript, so that an old Node can print
// which version it needs.
import { spawn, spawnSync } from "node:child_process";
import { existsSync, realpathSync } from "node:fs";
import { createRequire } from "node:module";
import { constants } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const source = join(here, "src", "main.ts");
const isCheckout = existsSync(source);
/** The oldest supported Node: 22.18 and newer run TypeScript directly. */
const OLDEST = isCheckout ? [22, 18] : [22, 0];
/** The Node among the checkout's dependencies, if installed. */
const ownNode = join(here, "..", "node_modules", ".bin", "node");

function fail(message) {
  console.error(message);
  process.exit(1);
}

function isOld() {
  const [major, minor] = process.versions.node.split(".").map(Number);
  return major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1]);
}

/** Runs this program with the checkout's Node, and exits with its code. */
function runWith(node) {
  const child = spawn(node, process.argv.slice(1), { stdio: "inherit" });
  // The terminal sends Ctrl-C to both; the child handles it.
  process.on("SIGINT", () => {});
  for (const signal of ["SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  child.on("error", (error) => fail(error.message));
  child.on("exit", (code, signal) => process.exit(code ?? 128 + (constants.signals[signal] ?? 0)));
}

/** Installs this program's packages, once, in a checkout without node_modules. */
function installMissing() {
  try {
    createRequire(import.meta.url).resolve("http-proxy-3");
    return;
  } catch {
    process.stderr.write("Installing http-proxy-3 (once) …\n");
  }
  const npm = process.env.npm_execpath;
  const [command, first] = npm && /\.c?js$/.test(npm) ? [process.execPath, [npm]] : ["npm", []];
  const flags = [
    "--omit=dev",
    "--ignore-scripts",
    "--no-package-lock",
    // Into this folder, even if it is a workspace of the checkout.
    "--no-workspaces",
    "--no-audit",
    "--no-fund",
    "--silent",
  ];
  // npx and `npm run` set npm's variables for their own folder.
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_/i.test(name)));
  const { status, error } = spawnSync(command, [...first, "install", ...flags], {
    cwd: here,
    env,
    stdio: ["ignore", 2, 2],
  });
  if (status !== 0) fail(`${error ? `${error.message}\n` : ""}Run: npm install --omit=dev in ${here}`);
}

if (!isOld()) {
  if (isCheckout) installMissing();
  await import(pathToFileURL(isCheckout ? source : join(here, "dist", "attach", "src", "main.js")).href);
} else if (isCheckout && existsSync(ownNode) && process.execPath !== realpathSync(ownNode)) {
  runWith(ownNode);
} else {
  fail(
    `opencode-platform needs Node ${OLDEST.join(".")} or newer, and this is ${process.versions.node}: https://nodejs.org/en/download`,
  );
}
