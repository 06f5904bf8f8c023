import { resolve } from "node:path";
import { publishedHostKeys } from "../known-hosts.ts";
import { DEFAULT_ALLOW, readAllow } from "./destinations.ts";
import { joinSetup, readDevcontainerKey, variablesOf } from "./devcontainer.ts";
import { readEnvironment } from "./environment.ts";
import { DEFAULT_PER_PERSON, type ProjectEntry, type ProjectsFile } from "./file-schema.ts";
import { readPorts } from "./ports.ts";
import type { Git, GitAuth, Json, Project, Repo } from "./project.ts";
import { releaseNamed } from "./releases.ts";
import { forgeOf, parseRepo } from "./repo.ts";
import { readRepos } from "./repos.ts";
import { DEFAULT_RESOURCES } from "./resources.ts";
import { mapOf } from "./rough.ts";
import { readServices } from "./services.ts";
import { readSleep } from "./sleep.ts";
import { readStorage } from "./storage.ts";
import { isTrusted, type Trust } from "./trust.ts";
import type { HostContext } from "./violation.ts";

/** What a file is read with. */
type Context = Pick<HostContext, "lockOf" | "ownLockOf"> & { readonly directory: string };

type JsonMap = { readonly [key: string]: Json };

/** A valid file's `limits.perPerson`. */
export function perPersonOf(value: unknown): number {
  const { perPerson } = mapOf(mapOf(value).limits);
  return typeof perPerson === "number" ? perPerson : DEFAULT_PER_PERSON;
}

/** A checked file → projects with everything explicit. */
export function normalise(file: ProjectsFile, context: Context): Project[] {
  const { directory } = context;
  const groups = new Map(Object.entries(file.groups ?? {}));
  return file.projects.map((entry) => ({
    ...normaliseEntry(entry, file.defaults ?? {}, context),
    ...trustOf(entry, file.trustedRepos ?? [], directory),
    members: expandMembers(entry.members ?? [], groups),
    owners: expandMembers(entry.owners ?? [], groups),
  }));
}

/** A project is asked about while one of its repositories is. */
function trustOf(
  { repo, repos, trust }: ProjectEntry,
  trusted: readonly string[],
  directory: string,
): Pick<Project, "trust" | "repos"> {
  const of = (url: string): Trust => trust ?? (isTrusted(url, trusted, directory) ? "always" : "ask");
  if (repos === undefined) return { trust: repo === undefined ? "always" : of(repo) };
  const read = readRepos(repos, of);
  return { repos: read, trust: read.some((each) => each.trust === "ask") ? "ask" : "always" };
}

/** Groups expanded, each person once. */
function expandMembers(members: readonly string[], groups: ReadonlyMap<string, readonly string[]>): string[] {
  const emails = members.flatMap((member) => (member.includes("@") ? [member] : (groups.get(member) ?? [])));
  return [...new Set(emails.map((email) => email.toLowerCase()))].sort();
}

function normaliseEntry(
  entry: ProjectEntry,
  defaults: NonNullable<ProjectsFile["defaults"]>,
  context: Context,
): Omit<Project, "members" | "owners" | "trust" | "repos"> {
  const resources = { ...DEFAULT_RESOURCES, ...defaults.resources, ...entry.resources };
  const repo = normaliseRepo(entry, context.directory);
  const devcontainer = readDevcontainerKey(entry, context);
  const lock = devcontainer?.lock;
  const environment = readEnvironment(entry, defaults, lock);
  const setup = joinSetup(lock?.setup, entry.setup);
  const version = releaseNamed(entry.opencode?.version ?? defaults.opencode?.version);
  const model = entry.opencode?.model ?? defaults.opencode?.model;
  const merged = (key: "config" | "enforce") =>
    mergeJson(asJson(defaults.opencode?.[key]), asJson(entry.opencode?.[key]));
  return {
    name: entry.name,
    ...(repo && { repo }),
    state: entry.state,
    machines: entry.machines,
    resources,
    sleep: readSleep(entry.sleep, defaults.sleep),
    ...readStorage(entry),
    ...(environment && { environment }),
    ...(devcontainer && { devcontainer }),
    env: textValues({
      ...zoneOf(defaults.timezone),
      ...defaults.env,
      ...variablesOf(lock, entry.secrets),
      ...zoneOf(entry.timezone),
      ...entry.env,
    }),
    secrets: entry.secrets ?? [],
    network: { allow: readAllow(entry.network?.allow ?? defaults.network?.allow ?? DEFAULT_ALLOW) },
    ports: readPorts(entry.ports ?? lock?.ports ?? []),
    ...servicesOf(entry),
    ...(setup !== undefined && { setup }),
    ...(lock?.start !== undefined && { start: lock.start }),
    git: normaliseGit(entry),
    opencode: {
      version,
      ...(model !== undefined && { model }),
      config: merged("config"),
      enforce: merged("enforce"),
    },
  };
}

/** Absent without any, so that nothing of a project that has none changes. */
function servicesOf({ services = {} }: ProjectEntry): Pick<Project, "services"> {
  const read = readServices(services);
  return read.length > 0 ? { services: read } : {};
}

function normaliseRepo({ repo, branch, depth }: ProjectEntry, directory: string): Repo | undefined {
  const source = repo === undefined ? undefined : parseRepo(repo);
  if (!source || "mistake" in source) return undefined;
  const url = source.kind === "local" ? resolve(directory, source.url) : source.url;
  return { ...source, url, ...(branch !== undefined && { branch }), ...(depth !== undefined && { depth }) };
}

function normaliseGit({ git = {}, repos, repo = repos?.[0]?.url ?? "" }: ProjectEntry): Git {
  const { name, email, sign = false } = git;
  const source = parseRepo(repo);
  const host = "mistake" in source ? "" : source.host;
  const forge = git.auth === "token" ? (git.forge ?? forgeOf(host)) : undefined;
  return {
    ...authOf(git, repo),
    ...(name !== undefined && { name }),
    ...(email !== undefined && { email }),
    sign,
    ...(forge && { forge }),
  };
}

function authOf(git: NonNullable<ProjectEntry["git"]>, repo: string): GitAuth {
  if (git.auth === "token") return { auth: "token", secret: git.secret, username: git.username };
  if (git.auth !== "ssh") return { auth: "none" };
  return { auth: "ssh", knownHosts: git.knownHosts ?? publishedHostKeys(repo) };
}

/** A time zone is a variable, so that whatever is nearer to the project overrides it. */
const zoneOf = (timezone: string | undefined): Record<string, string> =>
  timezone === undefined ? {} : { TZ: timezone };

function textValues(env: Readonly<Record<string, string | number | boolean>>): Record<string, string> {
  const names = Object.keys(env).sort();
  return Object.fromEntries(names.map((name) => [name, String(env[name])]));
}

/** What the YAML reader lets through is what JSON can hold; zod's type of a free-form map does not say so. */
export const asJson = (config: Readonly<Record<string, unknown>> | undefined): JsonMap =>
  (config ?? {}) as JsonMap;

const isMap = (value: Json | undefined): value is JsonMap =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Two maps in one: maps are merged key by key, anything else of the second replaces the first's. */
export function mergeJson(base: JsonMap, over: JsonMap): JsonMap {
  const merged: Record<string, Json> = { ...base };
  for (const [key, value] of Object.entries(over)) {
    const before = Object.hasOwn(merged, key) ? merged[key] : undefined;
    merged[key] = isMap(before) && isMap(value) ? mergeJson(before, value) : value;
  }
  return merged;
}
