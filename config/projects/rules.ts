/**
 * Rules that need more than one key, or the world outside the file. They look at whatever parts are right by
 * themselves, so that a mistake elsewhere hides none of theirs.
 */

import { closest, show } from "../text/show.ts";
import { formatSize, parseSize } from "../text/sizes.ts";
import type { Path, ReadYaml } from "../text/yaml.ts";
import { checkEntryRules, checkRepeats, foldAddress } from "./entry-rules.ts";
import { DEFAULT_MAX_PROJECTS, DEFAULT_RESOURCES, GROUP_NAME_PATTERN } from "./file-schema.ts";
import { formatPath } from "./messages.ts";
import { isMap, listOf, mapOf, type Rough } from "./rough.ts";

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
    ...checkGroups(mapOf(file.groups), projects),
    ...projects.flatMap((entry, index) =>
      isMap(entry) ? checkEntry(entry, ["projects", index], mapOf(defaults.env), yaml, world) : [],
    ),
  ];
}

/** Members that are no address name a group. */
function checkGroups(groups: Rough, projects: readonly unknown[]): Breach[] {
  const known = Object.keys(groups);
  const repeats = known.flatMap((group) => checkRepeats(groups[group], ["groups", group], foldAddress));
  const missing = projects.flatMap((entry, project) =>
    listOf(mapOf(entry).members).flatMap((member, index): Breach[] => {
      if (typeof member !== "string" || !GROUP_NAME_PATTERN.test(member) || known.includes(member)) return [];
      const path = ["projects", project, "members", index];
      const guess = closest(member, known);
      const what = `there is no group ${show(member)}${guess ? `; did you mean ${guess}?` : ""}`;
      return [{ path, what, fix: "write an e-mail address, or add the group under groups" }];
    }),
  );
  return [...repeats, ...missing];
}

function checkEntry(
  entry: Rough,
  path: Path,
  defaultEnv: Rough,
  yaml: ReadYaml,
  world: Surroundings,
): Breach[] {
  return [
    ...checkResources(entry.resources, [...path, "resources"], world),
    ...checkVariables(entry.env, [...path, "env"], yaml),
    ...checkEntryRules(entry, path, defaultEnv, world),
  ];
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
