/**
 * Rules that need more than one key, or the world outside the file. They look at whatever parts are right by
 * themselves, so that a mistake elsewhere hides none of theirs.
 */

import { projectUid } from "../naming/uids.ts";
import { closest, show } from "../text/show.ts";
import { formatSize } from "../text/sizes.ts";
import type { Path } from "../text/yaml.ts";
import { foldDestination } from "./destinations.ts";
import { checkDevcontainer, withLockedPorts } from "./devcontainer.ts";
import { lineOf, type ProjectsDocument } from "./document.ts";
import {
  checkDuplicates,
  checkEntryRules,
  checkSecretsHaveValues,
  checkZone,
  normaliseEmail,
} from "./entry-rules.ts";
import { checkPackages } from "./environment.ts";
import { GROUP_NAME_PATTERN, memorySize } from "./field-schemas.ts";
import { DEFAULT_MAX_PROJECTS } from "./file-schema.ts";
import { formatPath } from "./messages.ts";
import { checkOpencodeSettings } from "./opencode-settings.ts";
import { checkPorts } from "./ports.ts";
import { checkRelease } from "./releases.ts";
import { DEFAULT_RESOURCES } from "./resources.ts";
import { isMap, listOf, mapOf, type UncheckedMap } from "./rough.ts";
import { checkServices } from "./service-rules.ts";
import type { HostContext, Violation } from "./violation.ts";

/** Every broken rule of a file, however much else is wrong with it. */
export function checkRules(document: ProjectsDocument, context: HostContext): Violation[] {
  const file = mapOf(document.value);
  const defaults = mapOf(file.defaults);
  const projects = listOf(file.projects);
  return [
    ...checkCount(projects, mapOf(file.limits).maxProjects),
    ...checkNames(projects, document),
    ...checkUsers(projects),
    ...checkPorts(withLockedPorts(projects, context), document),
    ...checkVariables(defaults.env, ["defaults", "env"], document),
    ...checkDuplicates(mapOf(defaults.network).allow, ["defaults", "network", "allow"], foldDestination),
    ...checkDuplicates(defaults.packages, ["defaults", "packages"]),
    ...checkPackages(defaults, ["defaults"]),
    ...checkResources(defaults.resources, ["defaults", "resources"], context),
    ...checkRelease(defaults.opencode, ["defaults", "opencode"], context),
    ...checkZone(defaults, ["defaults"]),
    ...checkDefaultMemory(defaults, projects, context),
    ...checkGroups(mapOf(file.groups), projects),
    ...checkDuplicates(file.trustedRepos, ["trustedRepos"]),
    ...projects.flatMap((entry, index) =>
      isMap(entry) ? checkEntry(entry, ["projects", index], file, document, context) : [],
    ),
    ...checkOpencodeSettings(document),
  ];
}

/** Members and owners that are no address name a group. */
function checkGroups(groups: UncheckedMap, projects: readonly unknown[]): Violation[] {
  const known = Object.keys(groups);
  const repeats = known.flatMap((group) => checkDuplicates(groups[group], ["groups", group], normaliseEmail));
  const missing = projects.flatMap((entry, project) =>
    (["members", "owners"] as const).flatMap((key) =>
      listOf(mapOf(entry)[key]).flatMap((member, index): Violation[] => {
        if (typeof member !== "string" || !GROUP_NAME_PATTERN.test(member) || known.includes(member))
          return [];
        const path = ["projects", project, key, index];
        const guess = closest(member, known);
        const what = `group ${show(member)} not found${guess ? `; did you mean ${guess}?` : ""}`;
        return [{ path, what, fix: "write an e-mail address, or add the group under groups" }];
      }),
    ),
  );
  return [...repeats, ...missing];
}

function checkEntry(
  entry: UncheckedMap,
  path: Path,
  file: UncheckedMap,
  document: ProjectsDocument,
  context: HostContext,
): Violation[] {
  const defaults = mapOf(file.defaults);
  return [
    ...checkResources(entry.resources, [...path, "resources"], context),
    ...checkRelease(entry.opencode, [...path, "opencode"], context),
    ...checkVariables(entry.env, [...path, "env"], document),
    ...checkDuplicates(entry.packages, [...path, "packages"]),
    ...checkPackages(entry, path, defaults),
    ...checkServices(entry, path, {
      checkResources: (value, at) => checkResources(value, at, context),
      checkVariables: (env, at) => checkVariables(env, at, document),
      checkSecretValues: (secrets, at) => checkSecretsHaveValues(entry, secrets, at, context),
    }),
    ...checkDevcontainer(entry, path, file, context, DEFAULT_RESOURCES),
    ...checkEntryRules(entry, path, mapOf(defaults.env), context),
  ];
}

function checkCount(projects: readonly unknown[], limit: unknown): Violation[] {
  const most = typeof limit === "number" && limit >= 1 ? limit : DEFAULT_MAX_PROJECTS;
  if (projects.length <= most) return [];
  const what = `exceeds limits.maxProjects (${most}): there are ${projects.length} projects`;
  return [{ path: ["projects", most], what, fix: "remove some, or raise limits.maxProjects" }];
}

function checkNames(projects: readonly unknown[], document: ProjectsDocument): Violation[] {
  const known = new Map<unknown, number>();
  return projects.flatMap((entry, index): Violation[] => {
    const name = mapOf(entry).name;
    const other = known.get(name);
    if (typeof name !== "string") return [];
    if (other === undefined) known.set(name, index);
    if (other === undefined) return [];
    const first = ["projects", other, "name"];
    const { path } = document.placeOf(first);
    const what = `${show(name)} is already used by ${formatPath(path.slice(0, 2))} in ${lineOf(document, first)}`;
    return [{ path: ["projects", index, "name"], what }];
  });
}

/** Two names can lead to one user on the host. */
function checkUsers(projects: readonly unknown[]): Violation[] {
  const users = new Map<number, string>();
  return projects.flatMap((entry, index): Violation[] => {
    const { name } = mapOf(entry);
    if (typeof name !== "string") return [];
    const uid = projectUid(name);
    const sharing = users.get(uid) ?? name;
    users.set(uid, name);
    if (sharing === name) return [];
    const what = `${show(name)} has the same user id on the host as ${show(sharing)}, by chance`;
    return [{ path: ["projects", index, "name"], what, fix: "choose another name" }];
  });
}

/** Numbers and booleans that would reach the container written differently than in the file. */
function checkVariables(env: unknown, path: Path, document: ProjectsDocument): Violation[] {
  return Object.entries(mapOf(env)).flatMap(([name, value]): Violation[] => {
    const source = document.sourceOf([...path, name]);
    if ((typeof value !== "number" && typeof value !== "boolean") || source === undefined) return [];
    if (String(value) === source) return [];
    return [{ path: [...path, name], what: `${source} would be read as "${value}": quote it` }];
  });
}

function checkResources(value: unknown, path: Path, { stack, ...context }: HostContext): Violation[] {
  const host = stack === "local" ? "this machine" : "the host";
  const { memory, cpus, disk } = mapOf(value);
  const violations: Violation[] = [];
  const size = memorySize.safeParse(memory).data;
  if (size && context.hostMemoryBytes !== undefined && size.bytes > context.hostMemoryBytes)
    violations.push({
      path: [...path, "memory"],
      what: `${size.text} is more than ${host} has (${formatSize(context.hostMemoryBytes)})`,
    });
  const space = memorySize.safeParse(disk).data;
  if (space && context.volumeBytes !== undefined && space.bytes > context.volumeBytes)
    violations.push({
      path: [...path, "disk"],
      what: `${space.text} is more than the volume has (${formatSize(context.volumeBytes)})`,
      fix: "lower it, or raise volumeSize",
    });
  if (typeof cpus === "number" && context.hostCpus !== undefined && cpus > context.hostCpus)
    violations.push({
      path: [...path, "cpus"],
      what: `${cpus} is more than ${host} has (${context.hostCpus})`,
    });
  return violations;
}

/** A host that is too small for the memory a project gets when nobody says anything. */
function checkDefaultMemory(
  defaults: UncheckedMap,
  projects: readonly unknown[],
  context: HostContext,
): Violation[] {
  const size = DEFAULT_RESOURCES.memory;
  if (context.hostMemoryBytes === undefined || size.bytes <= context.hostMemoryBytes) return [];
  if (mapOf(defaults.resources).memory !== undefined) return [];
  const index = projects.findIndex((entry) => mapOf(mapOf(entry).resources).memory === undefined);
  if (index < 0) return [];
  const [violation] = checkResources({ memory: size.text }, [], context);
  const fix = "set defaults: { resources: { memory: … } }";
  return [{ path: ["projects", index], what: `gets the default memory; ${violation?.what}`, fix }];
}
