// What the launcher decides, apart from what it does. Plain JavaScript: it runs before anything is installed.
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** Where the hash of the package-lock.json that node_modules was installed from is kept. */
export const stampFile = (root) => join(root, "node_modules", ".package-lock-sha256");

/** @param {string} root */
export function lockHash(root) {
  return createHash("sha256")
    .update(readFileSync(join(root, "package-lock.json")))
    .digest("hex");
}

/**
 * Whether node_modules is what package-lock.json says.
 * @param {string} root
 */
export function isInstalled(root) {
  try {
    return readFileSync(stampFile(root), "utf8").trim() === lockHash(root) && existsSync(nodeBinary(root));
  } catch {
    return false;
  }
}

/** The Node that the dependencies bring: the machine's own may be too old. */
export const nodeBinary = (root) => join(root, "node_modules", ".bin", "node");

/**
 * How a script is called: a name out of the folder scripts, and its arguments.
 * @param {readonly string[]} argv
 */
export function parseArguments(argv) {
  const [name = "", ...args] = argv;
  return /^[a-z][a-z-]*$/.test(name) ? { name, args } : undefined;
}
