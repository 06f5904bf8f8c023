/**
 * Rules that need more than one key, or the world outside the file. They look at whatever parts of the file are right by themselves,
 * so that a mistake elsewhere hides none of theirs.
 */
import { formatPath } from "./messages.ts";
import { DEFAULT_MAX_PROJECTS, DEFAULT_RESOURCES, type ProjectEntry, parts } from "./projects.ts";
import { isPrivateHost, parseRepo, type RepoSource } from "./repo.ts";
import { secretCommand } from "./secrets.ts";
import { formatSize, parseSize } from "./sizes.ts";
import { show } from "./text.ts";
import type { Path, ReadYaml } from "./yaml.ts";

/** What is known of the world around the file. */
export interface Surroundings {
  /** Name of the stack; `local` is this machine. */
  readonly stack: string;
  /** Memory and processors of the host; unknown hosts are not checked against. */
  readonly hostMemoryBytes?: number;
  readonly hostCpus?: number;
  /** Whether a secret has a value for a project. Not checked when absent. */
  readonly hasSecret?: (project: string, name: string) => boolean;
  /** Whether a local repository's directory is there. Not checked when absent. */
  readonly isDirectory?: (path: string) => boolean;
}

/** A broken rule. */
export interface Breach {
  readonly path: Path;
  readonly what: string;
  readonly fix?: string;
  /** Points at the key rather than at its value. */
  readonly atKey?: boolean;
}

type Rough = Readonly<Record<string, unknown>>;
/** The keys of an entry that are right by themselves. */
type Readable = Partial<Omit<ProjectEntry, "resources">>;

const isMap = (value: unknown): value is Rough =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const mapOf = (value: unknown): Rough => (isMap(value) ? value : {});
const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

/** Every broken rule of a file, however much else is wrong with it. */
export function checkRules(yaml: ReadYaml, world: Surroundings): Breach[] {
  const file = mapOf(yaml.value);
  const defaults = mapOf(file.defaults);
  const projects = listOf(file.projects);
  return [
    ...checkCount(projects, mapOf(file.limits).maxProjects),
    ...checkNames(projects, yaml),
    ...checkVariables(defaults.env, ["defaults", "env"], yaml),
    ...checkResources(defaults.resources, ["defaults", "resources"], world),
    ...checkBuiltInMemory(defaults, projects, world),
    ...projects.flatMap((entry, index) =>
      isMap(entry) ? checkEntry(entry, ["projects", index], mapOf(defaults.env), yaml, world) : [],
    ),
  ];
}

function checkEntry(
  entry: Rough,
  path: Path,
  defaultEnv: Rough,
  yaml: ReadYaml,
  world: Surroundings,
): Breach[] {
  const readable = readKeys(entry);
  return [
    ...checkRepo(entry, readable, path, world),
    ...checkGit(entry, readable, path),
    ...checkResources(entry.resources, [...path, "resources"], world),
    ...checkVariables(entry.env, [...path, "env"], yaml),
    ...checkSecrets(entry, readable, path, defaultEnv, world),
    ...checkRepeats(entry.members, [...path, "members"]),
    ...checkRepeats(mapOf(entry.git).knownHosts, [...path, "git", "knownHosts"]),
  ];
}

/** The keys of an entry whose values are right by themselves, as zod gives them. */
function readKeys(entry: Rough): Readable {
  const readable: Record<string, unknown> = {};
  for (const [key, schema] of Object.entries(parts.project.shape)) {
    const result = schema.safeParse(entry[key]);
    if (entry[key] !== undefined && result.success) readable[key] = result.data;
  }
  return readable as Readable;
}

function checkCount(projects: readonly unknown[], limit: unknown): Breach[] {
  const most = typeof limit === "number" && limit >= 1 ? limit : DEFAULT_MAX_PROJECTS;
  if (projects.length <= most) return [];
  const what = `is one project too many: limits.maxProjects is ${most}, and there are ${projects.length}`;
  return [{ path: ["projects", most], what, fix: "take some out, or raise limits.maxProjects" }];
}

function checkNames(projects: readonly unknown[], yaml: ReadYaml): Breach[] {
  const first = new Map<unknown, number>();
  return projects.flatMap((entry, index): Breach[] => {
    const name = mapOf(entry).name;
    const other = first.get(name);
    if (typeof name !== "string") return [];
    if (other === undefined) first.set(name, index);
    if (other === undefined) return [];
    const line = yaml.position(yaml.offsetOf(["projects", other, "name"])).line;
    const what = `${show(name)} is already the name of ${formatPath(["projects", other])} in line ${line}`;
    return [{ path: ["projects", index, "name"], what }];
  });
}

function checkRepeats(list: unknown, path: Path): Breach[] {
  const seen = new Set<string>();
  return listOf(list).flatMap((item, index): Breach[] => {
    if (typeof item !== "string") return [];
    const word = item.toLowerCase();
    const repeated = seen.has(word);
    seen.add(word);
    return repeated ? [{ path: [...path, index], what: `${show(item)} is in the list twice` }] : [];
  });
}

/** Numbers and booleans that would reach the container written differently than in the file. */
function checkVariables(env: unknown, path: Path, yaml: ReadYaml): Breach[] {
  return Object.entries(mapOf(env)).flatMap(([name, value]): Breach[] => {
    const source = yaml.sourceOf([...path, name]);
    if ((typeof value !== "number" && typeof value !== "boolean") || source === undefined) return [];
    if (String(value) === source) return [];
    return [{ path: [...path, name], what: `${source} would become "${value}": put it in quotes` }];
  });
}

function checkResources(value: unknown, path: Path, { stack, ...world }: Surroundings): Breach[] {
  const host = stack === "local" ? "this machine" : "the host";
  const { memory, cpus } = mapOf(value);
  const breaches: Breach[] = [];
  const size = typeof memory === "string" ? parseSize(memory) : undefined;
  if (size && world.hostMemoryBytes !== undefined && size.bytes > world.hostMemoryBytes)
    breaches.push({
      path: [...path, "memory"],
      what: `${size.text} is more than ${host} has (${formatSize(world.hostMemoryBytes)})`,
    });
  if (typeof cpus === "number" && world.hostCpus !== undefined && cpus > world.hostCpus)
    breaches.push({ path: [...path, "cpus"], what: `${cpus} is more than ${host} has (${world.hostCpus})` });
  return breaches;
}

/** A host that is too small for the memory a project gets when nobody says anything. */
function checkBuiltInMemory(defaults: Rough, projects: readonly unknown[], world: Surroundings): Breach[] {
  const size = parseSize(DEFAULT_RESOURCES.memory);
  if (!size || world.hostMemoryBytes === undefined || size.bytes <= world.hostMemoryBytes) return [];
  if (mapOf(defaults.resources).memory !== undefined) return [];
  const index = projects.findIndex((entry) => mapOf(mapOf(entry).resources).memory === undefined);
  if (index < 0) return [];
  const [breach] = checkResources({ memory: size.text }, [], world);
  const fix = "set defaults: { resources: { memory: … } }";
  return [{ path: ["projects", index], what: `gets the default memory; ${breach?.what}`, fix }];
}

function checkRepo(entry: Rough, { repo }: Readable, path: Path, world: Surroundings): Breach[] {
  if (entry.repo === undefined)
    return ["branch", "depth", "git"]
      .filter((key) => entry[key] !== undefined && mapOf(entry[key]).auth !== "none")
      .map((key) => ({
        path: [...path, key],
        what: "has no effect without repo",
        fix: "add repo, or take it out",
        atKey: true,
      }));
  const source = repo === undefined ? undefined : parseRepo(repo);
  if (!source || "mistake" in source || source.kind !== "local") return [];
  const at = [...path, "repo"];
  if (world.stack !== "local")
    return [
      {
        path: at,
        what: `${show(repo)} is a path on this machine, which the stack ${world.stack} cannot see`,
        fix: "push it somewhere and write its https or ssh address",
      },
    ];
  if (world.isDirectory && !world.isDirectory(source.url))
    return [{ path: at, what: `there is no directory ${show(repo)}` }];
  return [];
}

function checkGit(entry: Rough, { repo, git, secrets }: Readable, path: Path): Breach[] {
  const source = repo === undefined ? undefined : parseRepo(repo);
  const at = [...path, "git", "auth"];
  const breaches: Breach[] = [];
  if (git?.auth === "token" && !secrets?.includes(git.secret) && (secrets || entry.secrets === undefined)) {
    const fix = `add it: secrets: [${[...(secrets ?? []), git.secret].join(", ")}]`;
    breaches.push({
      path: [...path, "git", "secret"],
      what: `${git.secret} is not in this entry's secrets`,
      fix,
    });
  }
  if (!source || "mistake" in source) return breaches;
  const needed = git && git.auth !== "none" ? checkAuth(git.auth, source) : undefined;
  if (needed) breaches.push({ path: at, ...needed });
  if (source.kind === "ssh" && (git ? git.auth === "none" : entry.git === undefined))
    breaches.push({
      path: [...path, "repo"],
      what: "is reached over ssh, which needs a key",
      fix: "add git: { auth: ssh }",
    });
  return breaches;
}

function checkAuth(auth: "token" | "ssh", { kind, host }: RepoSource): Omit<Breach, "path"> | undefined {
  const found = kind === "local" ? "a local path" : `${kind}`;
  if (auth === "ssh" && kind !== "ssh")
    return {
      what: `ssh needs an ssh repo, and this one is ${found}`,
      fix: "write repo as git@host:owner/repo.git",
    };
  if (auth === "token" && kind === "http" && !isPrivateHost(host))
    return { what: `a token would go to ${host} unencrypted`, fix: "write repo with https://" };
  if (auth === "token" && kind !== "https" && kind !== "http")
    return {
      what: `token needs an https repo, and this one is ${found}`,
      fix: "write repo as https://host/owner/repo.git",
    };
  return undefined;
}

function checkSecrets(
  entry: Rough,
  { name, secrets }: Readable,
  path: Path,
  defaultEnv: Rough,
  world: Surroundings,
): Breach[] {
  const at = [...path, "secrets"];
  const breaches = checkRepeats(entry.secrets, at);
  const env = mapOf(entry.env);
  for (const [index, secret] of (secrets ?? []).entries()) {
    const also = Object.hasOwn(env, secret)
      ? "env"
      : Object.hasOwn(defaultEnv, secret)
        ? "defaults.env"
        : undefined;
    if (also)
      breaches.push({
        path: [...at, index],
        what: `${secret} is in ${also} as well`,
        fix: "keep one of the two",
      });
    if (
      name !== undefined &&
      world.hasSecret &&
      secrets?.indexOf(secret) === index &&
      !world.hasSecret(name, secret)
    )
      breaches.push({
        path: [...at, index],
        what: `${secret} has no value`,
        fix: `set one: ${secretCommand(secret, name)} (or secrets:${secret} for every project)`,
      });
  }
  return breaches;
}
