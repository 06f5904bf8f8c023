/** Texts of a release, so that a dry run can show them, and what it is refused for. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fail } from "../../../config/errors.ts";
import { IMAGE_DIGESTS, PULUMI, PULUMI_SHA256 } from "../../../config/versions.ts";
import { PINNED_IMAGES } from "../../../operate/versions/images.ts";
import { MACHINES } from "../../../operate/versions/pulumi.ts";

/** The packages of this repository beside its own. */
const WORKSPACES = ["attach", "lab"];

/**
 * Refuses a release that would take something from the internet by its name alone: no digest of an image, or no checksum of the Pulumi CLI. Between
 * releases they may be missing, since a new version is often written down where no registry can be reached.
 * @throws UserError
 */
export function assertPinned(digests = IMAGE_DIGESTS, checksums = PULUMI_SHA256): void {
  const missing = [
    ...PINNED_IMAGES.filter((image) => !Object.hasOwn(digests, image)),
    ...MACHINES.filter((machine) => !Object.hasOwn(checksums, machine)).map(
      (machine) => `pulumi (${machine})`,
    ),
  ];
  if (missing.length > 0)
    fail(
      "config",
      "config/versions.ts",
      `has no digest or checksum for ${missing.join(", ")}`,
      `npm run versions -- images --write, and put there what npm run versions -- pulumi ${PULUMI} prints`,
    );
}

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

/** The files that the release changes, with their new content. */
export function newTexts(root: string, version: string): Record<string, string> {
  const read = (path: string) => readFileSync(join(root, path), "utf8");
  const manifests = [".", ...WORKSPACES].map((folder) => join(folder, "package.json"));
  const texts = {
    ...Object.fromEntries(manifests.map((path) => [path, withVersion(read(path), version)])),
    "package-lock.json": lockWithVersion(read("package-lock.json"), version, WORKSPACES),
    "CHANGELOG.md": datedChangelog(read("CHANGELOG.md"), version, new Date().toISOString().slice(0, 10)),
  };
  return Object.fromEntries(Object.entries(texts).filter(([path, text]) => text !== read(path)));
}
