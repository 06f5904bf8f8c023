/** Texts of a release: pure, so that a dry run can show them. */
import { fail } from "../../../config/errors.ts";

/** `1.2.3`, or `1.2.3-beta.1`. */
const VERSION = /^\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?$/;

/** @throws UserError for an invalid npm version */
export function parseVersion(text = ""): string {
  if (VERSION.test(text)) return text;
  return fail(
    "config",
    "npm run release",
    `"${text}" is not a version (e.g. 0.2.0)`,
    "npm run release -- 0.2.0",
  );
}

/** Sets the version in a package.json, keeping its formatting. */
export const withVersion = (manifest: string, version: string): string =>
  manifest.replace(/^( {2}"version": )".*"/m, `$1"${version}"`);

/** Sets the version of this package and its workspaces in the lock. */
export function lockWithVersion(lock: string, version: string, workspaces: readonly string[]): string {
  const parsed = JSON.parse(lock) as { version: string; packages: Record<string, { version?: string }> };
  parsed.version = version;
  for (const path of ["", ...workspaces]) {
    const entry = parsed.packages[path];
    if (!entry)
      fail("config", "package-lock.json", `has no workspace "${path}"`, "npm install --package-lock-only");
    entry.version = version;
  }
  return `${JSON.stringify(parsed, null, 2)}\n`;
}

/**
 * CHANGELOG.md with the release's date: on its own section, or on the unreleased one.
 * @throws UserError if the release has a date already, or no content
 */
export function datedChangelog(text: string, version: string, date: string): string {
  const where = "CHANGELOG.md";
  const own = `## [${version}]`;
  if (text.includes(`${own} - `))
    fail("config", where, `${version} has been released already`, "choose a higher version");
  if (new RegExp(`^${escaped(own)}$`, "m").test(text)) return text.replace(own, `${own} - ${date}`);
  const [, unreleased = ""] = /^## \[Unreleased\]\n([\s\S]*?)(?=^## \[|(?![\s\S]))/m.exec(text) ?? [];
  if (!unreleased.trim())
    fail("config", where, `has nothing about ${version}`, `write it under "## [Unreleased]"`);
  return text.replace("## [Unreleased]\n", `## [Unreleased]\n\n${own} - ${date}\n`);
}

const escaped = (text: string): string => text.replace(/[[\].]/g, "\\$&");
