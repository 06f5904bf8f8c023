/**
 * `devcontainer` of an entry: the repository's own devcontainer.json as what the project is built on. It is looked at by `npm run devcontainer`,
 * which writes it down (config/devcontainer/lock.ts); an update reads only that.
 */
import * as z from "zod";
import { type DevcontainerLock, lockFile, parseLock, staleness } from "../devcontainer/lock.ts";
import { LOCAL_STACK } from "../stack/commands.ts";
import { formatSize, parseSize, type Size } from "../text/sizes.ts";
import type { Path } from "../text/yaml.ts";
import { about, PROJECT_NAME_PATTERN } from "./field-schemas.ts";
import { listOf, mapOf, type UncheckedMap } from "./rough.ts";
import { isTrusted } from "./trust.ts";
import type { HostContext, Violation } from "./violation.ts";

/** What an entry says of its repository's devcontainer.json, and what that was when somebody looked. */
export interface Devcontainer {
  /** `true`: the one of the specification's places; or its path in the repository. */
  readonly asked: true | string;
  /** The repository, as written. */
  readonly repo: string;
  /** Absent only while it is being looked at. */
  readonly lock?: DevcontainerLock;
}

/** Within the repository. */
const FILE_PATTERN = /^(?![/~-])(?!(?:.*\/)?\.\.?\/)[^\\\p{Cc}]*\.json$/u;

const fileError = about(
  (found) =>
    `${found} is not a devcontainer.json: write true, or its path in the repository (e.g. .devcontainer/go/devcontainer.json)`,
);

/** The key `devcontainer`. */
export const devcontainer = z
  .union([z.literal(true), z.string().regex(FILE_PATTERN, { error: fileError })], { error: fileError })
  .describe(
    "Whether the project is built on its repository's devcontainer.json: true, or the file's path in the repository. `npm run devcontainer -- <name>` reads it, builds its image on the host, and writes what it says to devcontainers/<name>.json (<name>.<stack>.json where projects.<stack>.yaml changes repo, branch or devcontainer), which is to be committed: image, variables, ports, commands and requirements. The entry's own env and ports take precedence, its setup comes after. Needs a repository that is trusted. Default: none.",
  )
  .meta({ examples: [true, ".devcontainer/go/devcontainer.json"] });

type LockContext = Pick<HostContext, "lockOf" | "ownLockOf">;

/** The text of a project's lock and whose file it is: the stack's own one, if there is one. */
function lockTextFor(name: string, { lockOf, ownLockOf }: LockContext) {
  const own = ownLockOf?.(name);
  return { text: own ?? lockOf?.(name), isOwn: own !== undefined };
}

/** The lock of a project; undefined for one that is missing or broken. */
export function lockFor(name: unknown, context: LockContext): DevcontainerLock | undefined {
  const isName = typeof name === "string" && PROJECT_NAME_PATTERN.test(name);
  const text = isName ? lockTextFor(name, context).text : undefined;
  const lock = text === undefined ? undefined : parseLock(text);
  return lock && !("mistake" in lock) ? lock : undefined;
}

interface Written {
  readonly name: string;
  readonly repo?: string | undefined;
  readonly devcontainer?: true | string | undefined;
}

/** A checked entry's. */
export function readDevcontainerKey(
  { name, repo, devcontainer: asked }: Written,
  context: LockContext,
): Devcontainer | undefined {
  if (asked === undefined || repo === undefined) return undefined;
  const lock = lockFor(name, context);
  return { asked, repo, ...(lock ? { lock } : {}) };
}

/** The variables that a lock gives a project: a secret of the same name counts instead. */
export const variablesOf = (lock: DevcontainerLock | undefined, secrets: readonly string[] = []) =>
  Object.fromEntries(Object.entries(lock?.env ?? {}).filter(([name]) => !secrets.includes(name)));

/** The devcontainer's commands, then the entry's own. */
export function joinSetup(first: string | undefined, then: string | undefined): string | undefined {
  if (first === undefined || then === undefined) return first ?? then;
  // In a shell of its own: a `cd` of the one is none of the other.
  return `(\n${first.trimEnd()}\n)\n${then}`;
}

/** Entries with the ports that they have by their devcontainer, for the rules of ports. */
export const withLockedPorts = (projects: readonly unknown[], context: LockContext): unknown[] =>
  projects.map((entry) => {
    const { name, devcontainer, ports } = mapOf(entry);
    const locked = devcontainer !== undefined && ports === undefined && lockFor(name, context)?.ports;
    return locked ? { ...mapOf(entry), ports: locked } : entry;
  });

/** What a project has of the host. */
type Resources = { readonly memory: Size; readonly cpus: number };

/**
 * The rules of the key.
 * @param file the whole file, unchecked
 * @param standard what a project has where nobody says anything
 */
export function checkDevcontainer(
  entry: UncheckedMap,
  path: Path,
  file: UncheckedMap,
  context: HostContext,
  standard: Resources,
): Violation[] {
  const { devcontainer: asked, repo, repos, image } = entry;
  if (asked === undefined) return [];
  const at = [...path, "devcontainer"];
  const found: Violation[] = [];
  if (image !== undefined)
    found.push({
      path: [...path, "image"],
      what: "is also what devcontainer brings",
      fix: "keep one of the two",
    });
  if (typeof repo !== "string") {
    const hasSeveral = repos !== undefined;
    const what = hasSeveral
      ? "needs repo: with repos there are several repositories, and none of them is the project's own"
      : "is of the repository, and the entry has none";
    const fix = hasSeveral ? "write repo in place of repos, or remove it" : "add repo, or remove it";
    return [...found, { path: at, what, fix, atKey: true }];
  }
  if (!isAllowed(entry, file, context)) {
    const what = "builds what the repository says, as root, before anybody is asked whether it is trusted";
    found.push({ path: at, what, fix: "add trust: always, or the repository to trustedRepos" });
  }
  if (devcontainer.safeParse(asked).success) {
    const resources = { ...mapOf(mapOf(file.defaults).resources), ...mapOf(entry.resources) };
    found.push(...checkLock(entry, at, resourcesOf(resources, standard), context));
  }
  return found;
}

function isAllowed({ repo, trust }: UncheckedMap, file: UncheckedMap, { directory }: HostContext): boolean {
  if (trust !== undefined) return trust === "always";
  const trusted = listOf(file.trustedRepos).filter((item) => typeof item === "string");
  return isTrusted(String(repo), trusted, directory ?? process.cwd());
}

const resourcesOf = ({ memory, cpus }: UncheckedMap, standard: Resources): Resources => ({
  memory: parseSize(String(memory)) ?? standard.memory,
  cpus: typeof cpus === "number" ? cpus : standard.cpus,
});

function checkLock(entry: UncheckedMap, at: Path, resources: Resources, context: HostContext): Violation[] {
  const { name, repo, branch, devcontainer: asked } = entry;
  if (context.isResolving || typeof name !== "string" || !PROJECT_NAME_PATTERN.test(name)) return [];
  const fix = resolveCommand(name, context.stack);
  const { text, isOwn } = lockTextFor(name, context);
  const file = lockFile(name, isOwn ? context.stack : undefined);
  if (text === undefined) return [{ path: at, what: `${file} not found: nobody has read it yet`, fix }];
  const lock = parseLock(text);
  if ("mistake" in lock) return [{ path: at, what: `${file} ${lock.mistake}`, fix }];
  const stale = staleness(lock, {
    repo: String(repo),
    branch: typeof branch === "string" ? branch : undefined,
    devcontainer: asked as true | string,
  });
  if (stale !== undefined) return [{ path: at, what: `${file} ${stale}`, fix }];
  return checkRequirements(lock, resources, at);
}

/** What it needs of memory and processors, against what the project has. */
function checkRequirements(
  { requires = {} }: DevcontainerLock,
  { memory, cpus }: Resources,
  at: Path,
): Violation[] {
  const found: Violation[] = [];
  if (requires.memory && requires.memory.bytes > memory.bytes)
    found.push({
      path: at,
      what: `requires ${formatSize(requires.memory.bytes)} of memory, and the project has ${memory.text}`,
      fix: `write resources: { memory: ${requires.memory.text} }`,
    });
  if (requires.cpus !== undefined && requires.cpus > cpus)
    found.push({
      path: at,
      what: `requires ${requires.cpus} CPUs, and the project has ${cpus}`,
      fix: `write resources: { cpus: ${requires.cpus} }`,
    });
  return found;
}

/** The command that reads a project's devcontainer.json. */
export const resolveCommand = (project: string, stack: string): string =>
  `npm run devcontainer -- ${project}${stack === LOCAL_STACK ? "" : ` --stack ${stack}`}`;
