import { execFileSync } from "node:child_process";
import { fail } from "../../config/errors.ts";

/** The commit that a checkout is at, which an update of it applies. @throws UserError if it is not a repository */
export function commitOf(checkout: string): string {
  try {
    return execFileSync("git", ["rev-parse", "--verify", "HEAD"], {
      cwd: checkout,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    }).trim();
  } catch {
    return fail(
      "environment",
      "panel.apply",
      `is ci, but ${checkout} has no commit: the panel waits until the commit that it has pushed is applied`,
      "update from a clone of the team's repository",
    );
  }
}
