/**
 * The files of a change, laid over the default branch's checkout: what a preview with secrets runs is the default branch's, and of the change
 * it reads projects.yaml, the stack's own file over that, what was written down of devcontainer.json, and its settings, as data. A change to anything else is seen once it is merged.
 */
import { lstatSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { LOCKS_FOLDER, lockFile } from "../../config/devcontainer/lock.ts";
import { fail } from "../../config/errors.ts";
import { PROJECT_NAME_PATTERN } from "../../config/projects/field-schemas.ts";
import { overlayFile, PROJECTS_FILE } from "../../config/projects/overlay.ts";
import { SETTINGS_NAMESPACE } from "../../config/stack/commands.ts";
import { SECRETS_NAMESPACE } from "../../config/stack/secrets.ts";
import { readOptional } from "../../config/text/read-optional.ts";
import { parseYaml } from "../../config/text/yaml.ts";

/** Bytes of a file that are read. */
const LARGEST = 2 ** 20;

/** Settings by which hosts are chosen that are shown Access's service token. */
const HELD = ["domain", "sshHostname", "sshThrough"].map((name) => `${SETTINGS_NAMESPACE}:${name}`);

export interface LayOver {
  /** The folder that the job runs in, of the default branch. */
  readonly root: string;
  /** The folder with the change's files. */
  readonly files: string;
  readonly stack: string;
}

/**
 * Writes a change's projects.yaml, the stack's own file over it, and the stack's settings over those of the default branch.
 * @throws UserError for a file that is none, and for a change of what decides to whom the job's tokens are sent
 */
export function layOver({ root, files, stack }: LayOver): void {
  const settings = `Pulumi.${stack}.yaml`;
  const overlay = overlayFile(stack);
  const changed = new Map([[PROJECTS_FILE, readData(files, PROJECTS_FILE)]]);
  for (const name of locksOf(files, stack)) changed.set(name, readData(files, name));
  const isOverlaid = isThere(join(files, overlay));
  if (isOverlaid) changed.set(overlay, readData(files, overlay));
  if (isThere(join(files, settings))) changed.set(settings, readData(files, settings));
  else if (readOptional(join(root, settings)) !== undefined)
    fail("config", settings, "is removed by this change, so there is nothing to preview");
  const text = changed.get(settings);
  // What the engine could read in another way is not compared.
  const [finding] = text === undefined ? [] : parseYaml(text).findings;
  if (finding) fail("config", settings, finding.what, finding.fix);
  if (text !== undefined) refuseOtherHosts(settings, readOptional(join(root, settings)) ?? "", text);
  rmSync(join(root, LOCKS_FOLDER), { recursive: true, force: true });
  mkdirSync(join(root, LOCKS_FOLDER));
  for (const [name, content] of changed) writeFileSync(join(root, name), content);
  if (!isOverlaid) rmSync(join(root, overlay), { force: true });
}

/** The files of `npm run devcontainer`, each in the folder itself, without other stacks' own. */
function locksOf(files: string, stack: string): string[] {
  const folder = join(files, LOCKS_FOLDER);
  if (!lstatSync(folder, { throwIfNoEntry: false })?.isDirectory()) return [];
  const present = readdirSync(folder).map((name) => `${LOCKS_FOLDER}/${name}`);
  return present.filter((name) => {
    const [project = ""] = name.slice(LOCKS_FOLDER.length + 1).split(".");
    const isLock = name === lockFile(project) || name === lockFile(project, stack);
    return isLock && PROJECT_NAME_PATTERN.test(project);
  });
}

const isThere = (path: string): boolean => lstatSync(path, { throwIfNoEntry: false }) !== undefined;

/** A file itself: a link could name any of this machine's. */
function readData(folder: string, name: string): string {
  const path = join(folder, name);
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (!stat?.isFile())
    return fail("config", name, stat ? "is no file but a link or folder" : "is not in this change");
  if (stat.size > LARGEST) return fail("config", name, "is larger than 1 MiB");
  return readFileSync(path, "utf8");
}

function refuseOtherHosts(file: string, before: string, after: string): void {
  const [old, present] = [heldOf(before), heldOf(after)];
  const keys = [...new Set([...Object.keys(old), ...Object.keys(present)])].sort();
  const found = keys.filter((key) => !isDeepStrictEqual(old[key], present[key]));
  if (found.length === 0) return;
  fail(
    "config",
    file,
    `changes ${found.join(", ")}, which can decide to whom the preview's tokens are sent`,
    "preview it from a machine of yours, and merge it by itself",
  );
}

/** Everything in a stack's file but its settings and secrets: providers' addresses and credentials, and how secrets are encrypted. */
function heldOf(text: string): Record<string, unknown> {
  const { value } = parseYaml(text || "{}");
  const { config = {}, ...rest } = (typeof value === "object" && value !== null ? value : {}) as {
    config?: unknown;
  } & Record<string, unknown>;
  const entries = Object.entries(typeof config === "object" && config !== null ? config : { config });
  return { ...rest, ...Object.fromEntries(entries.filter(([key]) => !isFree(key))) };
}

const isFree = (key: string): boolean =>
  key.startsWith(`${SECRETS_NAMESPACE}:`) ||
  (key.startsWith(`${SETTINGS_NAMESPACE}:`) && !HELD.includes(key));
