/** Rules of one entry that need more than one of its keys, or the world outside the file. */

import { secretCommand } from "../stack/secrets.ts";
import { show } from "../text/show.ts";
import type { Path } from "../text/yaml.ts";
import { foldDestination } from "./destinations.ts";
import { VARIABLE_PATTERN } from "./field-schemas.ts";
import { type ProjectEntry, projectKeys } from "./file-schema.ts";
import { isPrivateHost, parseRepo, type RepoSource } from "./repo.ts";
import { checkRepos, sourcesAt } from "./repos.ts";
import { listOf, mapOf, type UncheckedMap } from "./rough.ts";
import type { HostContext, Violation } from "./violation.ts";

/** An entry as far as it is right: each key that passes its own schema, and every well-formed name of a secret. */
interface PartialEntry {
  readonly name?: string;
  readonly source?: RepoSource;
  readonly git?: ProjectEntry["git"];
  readonly secrets: readonly { readonly name: string; readonly index: number }[];
}

/** The broken rules of an entry, however much else is wrong with it. */
export function checkEntryRules(
  entry: UncheckedMap,
  path: Path,
  defaultEnv: UncheckedMap,
  context: HostContext,
): Violation[] {
  const readable = read(entry);
  return [
    ...checkRepo(entry, readable, path, context),
    ...checkRepos(entry, path),
    ...checkToken(readable, path),
    ...checkAuths(entry, readable, path),
    ...checkGitKeys(readable, path),
    ...checkZone(entry, path),
    ...checkSecrets(readable, [...path, "secrets"], { env: mapOf(entry.env), "defaults.env": defaultEnv }),
    ...checkSecretValues(readable, [...path, "secrets"], context),
    ...checkDuplicates(entry.secrets, [...path, "secrets"]),
    ...checkDuplicates(mapOf(entry.git).knownHosts, [...path, "git", "knownHosts"]),
    ...checkDuplicates(mapOf(entry.network).allow, [...path, "network", "allow"], foldDestination),
    ...checkDuplicates(entry.members, [...path, "members"], normaliseEmail),
    ...checkDuplicates(entry.owners, [...path, "owners"], normaliseEmail),
  ];
}

function read(entry: UncheckedMap): PartialEntry {
  const repo = projectKeys.repo.safeParse(entry.repo).data;
  const source = repo === undefined ? undefined : parseRepo(repo);
  return {
    name: projectKeys.name.safeParse(entry.name).data,
    source: source && !("mistake" in source) ? source : undefined,
    git: projectKeys.git.safeParse(entry.git).data,
    secrets: listOf(entry.secrets).flatMap((name, index) =>
      typeof name === "string" && VARIABLE_PATTERN.test(name) ? [{ name, index }] : [],
    ),
  };
}

function checkRepo(
  entry: UncheckedMap,
  { source }: PartialEntry,
  path: Path,
  context: HostContext,
): Violation[] {
  if (entry.repos !== undefined && entry.repo === undefined) return [];
  if (entry.repo === undefined)
    return ["branch", "depth", "git", "trust"]
      .filter((key) => entry[key] !== undefined && !isIdentity(key, entry[key]))
      .map((key) => ({
        path: [...path, key],
        what: "has no effect without repo",
        fix: "add repo, or remove it",
        atKey: true,
      }));
  if (source?.kind !== "local") return [];
  const at = [...path, "repo"];
  if (context.stack !== "local") {
    const what = `${show(source.url)} is a path on this machine, which the stack ${context.stack} cannot see`;
    return [{ path: at, what, fix: "push it to a git host and use its https or ssh URL" }];
  }
  const isThere = context.isDirectory?.(source.url) ?? true;
  return isThere ? [] : [{ path: at, what: `directory ${show(source.url)} not found` }];
}

/** A `git` that says no more than who makes commits, which an empty workspace has too. */
const isIdentity = (key: string, value: unknown): boolean =>
  key === "git" && ["none", undefined].includes(mapOf(value).auth as string | undefined);

/** Keys of git that only one way of authenticating has a use for. */
function checkGitKeys({ git }: PartialEntry, path: Path): Violation[] {
  const { auth = "none", sign, forge } = git ?? {};
  const found: Violation[] = [];
  if (sign && auth !== "ssh")
    found.push({
      path: [...path, "git", "sign"],
      what: `signs with the project's deploy key, and auth: ${auth} has none`,
      fix: "set git: { auth: ssh }, or remove it",
    });
  if (forge !== undefined && auth !== "token")
    found.push({
      path: [...path, "git", "forge"],
      what: `is for a token, and auth: ${auth} has none`,
      fix: "set git: { auth: token, secret: NAME }, or remove it",
    });
  return found;
}

/** A zone that is also a variable. */
export function checkZone({ timezone, env }: UncheckedMap, path: Path): Violation[] {
  if (timezone === undefined || mapOf(env).TZ === undefined) return [];
  return [{ path: [...path, "timezone"], what: "is also in env, as TZ", fix: "keep one of the two" }];
}

function checkToken({ git, secrets }: PartialEntry, path: Path): Violation[] {
  if (git?.auth !== "token" || secrets.some(({ name }) => name === git.secret)) return [];
  const names = [...secrets.map(({ name }) => name), git.secret];
  const what = `${git.secret} is not in this entry's secrets`;
  return [{ path: [...path, "git", "secret"], what, fix: `add it: secrets: [${names.join(", ")}]` }];
}

/** Of all repositories of an entry; what is said of its `git` is said once. */
function checkAuths(entry: UncheckedMap, readable: PartialEntry, path: Path): Violation[] {
  if (entry.repo !== undefined) return checkAuth(entry, readable, path, [...path, "repo"]);
  const found = sourcesAt(entry, path).flatMap(({ source, path: written }) =>
    checkAuth(entry, { ...readable, source }, path, written),
  );
  const first = found.find((violation) => violation.path.at(-1) === "auth");
  return found.filter((violation) => violation.path.at(-1) !== "auth" || violation === first);
}

/**
 * Whether git can authenticate to a repository in the way that is asked for.
 * @param written where the repository is in the file
 */
function checkAuth(
  entry: UncheckedMap,
  { source, git }: PartialEntry,
  path: Path,
  written: Path,
): Violation[] {
  if (!source || (entry.git !== undefined && !git)) return [];
  const at = [...path, "git", "auth"];
  const key = String(written.at(-1));
  const auth = git?.auth ?? "none";
  const found = source.kind === "local" ? "a local path" : source.kind;
  if (auth === "none" && source.kind === "ssh") {
    const what = "uses ssh, which needs a key";
    return [{ path: written, what, fix: "add git: { auth: ssh }" }];
  }
  if (auth === "ssh" && source.kind !== "ssh") {
    const what = `ssh needs an ssh URL, but ${key} is ${found}`;
    return [{ path: at, what, fix: `write ${key} as git@host:owner/repo.git` }];
  }
  if (auth !== "token" || source.kind === "https") return [];
  if (source.kind !== "http") {
    const what = `token needs an https URL, but ${key} is ${found}`;
    return [{ path: at, what, fix: `write ${key} as https://host/owner/repo.git` }];
  }
  if (isPrivateHost(source.host)) return [];
  return [
    {
      path: at,
      what: `the token would be sent to ${source.host} unencrypted`,
      fix: `write ${key} with https://`,
    },
  ];
}

function checkSecrets(
  { secrets }: PartialEntry,
  path: Path,
  envs: Readonly<Record<string, UncheckedMap>>,
): Violation[] {
  return secrets.flatMap(({ name, index }): Violation[] => {
    const where = Object.keys(envs).find((key) => Object.hasOwn(envs[key] ?? {}, name));
    if (!where) return [];
    return [{ path: [...path, index], what: `${name} is also in ${where}`, fix: "keep one of the two" }];
  });
}

function checkSecretValues(
  { name: project, secrets }: PartialEntry,
  path: Path,
  { hasSecret, stack }: HostContext,
): Violation[] {
  if (project === undefined || !hasSecret) return [];
  const seen = new Set<string>();
  return secrets.flatMap(({ name, index }): Violation[] => {
    if (seen.has(name) || hasSecret(project, name)) return [];
    seen.add(name);
    const fix = `set one: ${secretCommand(name, project, stack)} (or secrets:${name} for every project)`;
    return [{ path: [...path, index], what: `${name} has no value`, fix }];
  });
}

/** Secrets that have no value for an entry's project, where that can be known. */
export const checkSecretsHaveValues = (
  entry: UncheckedMap,
  secrets: PartialEntry["secrets"],
  path: Path,
  context: HostContext,
): Violation[] => checkSecretValues({ ...read(entry), secrets }, path, context);

/** Addresses that differ in nothing but the case of their letters are one. */
export const normaliseEmail = (address: string): string => address.toLowerCase();

export function checkDuplicates(list: unknown, path: Path, fold = (item: string) => item): Violation[] {
  const seen = new Set<string>();
  return listOf(list).flatMap((item, index): Violation[] => {
    if (typeof item !== "string") return [];
    const repeated = seen.has(fold(item));
    seen.add(fold(item));
    return repeated ? [{ path: [...path, index], what: `${show(item)} is listed twice` }] : [];
  });
}
