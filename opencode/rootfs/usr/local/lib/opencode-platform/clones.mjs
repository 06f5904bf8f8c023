// What git says of a clone that nobody has said yes to yet: nothing of the repository is run by asking.
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { plain } from "./brings.mjs";

/** The commit that was cloned into a folder; empty while there is none. Without a clone of its own it may be within another. */
export function commit(folder) {
  const git = join(folder, ".git");
  if (!existsSync(git) || existsSync(join(git, "opencode-checkout-unfinished"))) return "";
  try {
    const options = { cwd: folder, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] };
    return execFileSync("git", ["rev-parse", "--short=12", "HEAD"], options).trim();
  } catch {
    return "";
  }
}

/** Submodules that are not here yet: what they bring can't be in the list. */
export function missingSubmodules(folder) {
  let found = "";
  try {
    const args = ["config", "--null", "--file", ".gitmodules", "--get-regexp", "^submodule\\..*\\.path$"];
    found = execFileSync("git", args, {
      cwd: folder,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    });
  } catch {
    return []; // none
  }
  const paths = found.split("\0").flatMap((entry) => entry.split("\n").slice(1));
  const lines = paths.filter((path) => path !== "" && isEmpty(join(folder, path))).map((path) => plain(path));
  const note =
    "not fetched yet, so that what they bring is not in this list, and would run without a question";
  return lines.length > 0 ? [{ title: "submodules", note, lines }] : [];
}

function isEmpty(folder) {
  try {
    return readdirSync(folder).length === 0;
  } catch {
    return true;
  }
}
