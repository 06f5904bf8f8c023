// Whether a project has changed since its last backup: by the times and numbers of its files, without reading one.
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { forFind } from "./excludes.mjs";

/** Of each file: kind, number, size, changes of content and of the rest, owner, mode, where a link leads, path. */
const FORMAT = "%y %i %s %T@ %C@ %U %G %m %l %P\\0";

/** What find prints of one part. */
async function* filesOf(path, patterns, part) {
  const tests = forFind(patterns, part);
  const prune = tests.length > 0 ? ["(", ...tests, ")", "-prune", "-o"] : [];
  const child = spawn("nice", ["-n", "19", "find", ".", ...prune, "-printf", FORMAT], {
    cwd: path,
    stdio: ["ignore", "pipe", "ignore"],
    env: { PATH: process.env.PATH, LC_ALL: "C" },
  });
  const failed = new Promise((_, reject) => child.on("error", reject));
  failed.catch(() => {});
  let rest = "";
  for await (const chunk of child.stdout.setEncoding("latin1")) {
    const lines = (rest + chunk).split("\0");
    rest = lines.pop() ?? "";
    yield* lines;
  }
  if (child.pid === undefined) await failed;
}

/**
 * Taken before a backup is begun: what changes meanwhile is seen as a change by the next.
 * @param {readonly {name: string, path: string}[]} parts
 * @param {readonly string[]} patterns what is left out
 * @returns {Promise<{digest: string, bytes: number, files: number}>} bytes and number of its files
 */
export async function fingerprint(parts, patterns) {
  const hash = createHash("sha256").update(JSON.stringify(patterns));
  let [bytes, files] = [0, 0];
  for (const { name, path } of parts) {
    hash.update(`\0\0${name}\0`);
    for await (const line of filesOf(path, patterns, name)) {
      hash.update(line).update("\0");
      if (!line.startsWith("f ")) continue;
      files += 1;
      bytes += Number(line.split(" ", 3)[2]);
    }
  }
  return { digest: hash.digest("base64url"), bytes, files };
}
