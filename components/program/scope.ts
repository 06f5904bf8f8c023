import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { extname, join, relative } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import type { Project } from "../../config/projects/project.ts";
import { secretNames } from "../../config/projects/services.ts";
import { registrySecrets } from "../../config/stack/company/registries.ts";
import { type Applied, ONLY_VARIABLE, refusalOf } from "../../config/stack/only.ts";
import { SECRETS_NAMESPACE, secretKeys } from "../../config/stack/secrets.ts";
import { PACKAGES, SETTINGS_NAMESPACE } from "../../config/stack/settings.ts";
import { type ProjectAccess, projectAccess } from "../project/access.ts";
import type { OpencodeProject } from "../project/project.ts";
import type { Platform } from "./load.ts";

/** The folder of the program: the checkout, or the package that a team's repository has. */
const HOME = join(import.meta.dirname, "../..");
/** What the program consists of there. */
const PROGRAM = [`index${extname(import.meta.filename)}`, "package.json", "components", "config", "opencode"];
const ROTATIONS = `${SETTINGS_NAMESPACE}:passwordRotation`;
/** Each project's own day of packages; the stack's is shared, by the platform's own containers too. */
const PACKAGES_OF = `${SETTINGS_NAMESPACE}:${PACKAGES}/`;

/** Which projects an update is about, and what is written down of it. */
export interface Scope {
  /** Projects that are declared: all, or the one that the update is for. */
  readonly declared: readonly Project[];
  /** The stack's outputs of projects and of what has been applied, of all projects in any case. */
  outputs(projects: readonly OpencodeProject[]): {
    /** By name, how to reach each project. */
    projects: pulumi.Output<Accesses>;
    /** By what the next update of one project sees that nothing else has changed. Digests of secrets are among it, so it is one. */
    applied: pulumi.Output<string>;
  };
}

/**
 * The scope of this update: all projects, or the one that OPENCODE_PLATFORM_ONLY names.
 * @throws pulumi.RunError in a sentence when something else has changed since the last update, so that one project is not enough
 */
export async function updateScope(platform: Platform, checkout: string): Promise<Scope> {
  const applied = digests(platform, checkout);
  const only = process.env[ONLY_VARIABLE];
  // Read by a whole update too: the engine keeps a provider for it, which else would come with one kind of update and go with the other.
  const reading = previousOutputs();
  const before = only ? await reading : undefined;
  // A whole update needs none of them, and reads while the engine may be replacing the state's file.
  reading.catch(() => {});
  const refusal = only && refusalOf(only, before?.applied, applied);
  if (refusal) throw new pulumi.RunError(refusal);
  const keys = before?.deployKeys ?? {};
  return {
    declared: only ? platform.entries.filter(({ name }) => name === only) : platform.entries,
    outputs: (projects) => ({
      projects: pulumi
        .all(deployKeys(projects))
        .apply((declared) => accessOf(platform, { ...keys, ...declared })),
      applied: pulumi.secret(JSON.stringify(applied)),
    }),
  };
}

type Accesses = Record<string, pulumi.Unwrap<ProjectAccess>>;

const deployKeys = (projects: readonly OpencodeProject[]): Record<string, pulumi.Input<string>> =>
  Object.fromEntries(
    projects.flatMap(({ name, access: { deployKey } }) => (deployKey ? [[name, deployKey]] : [])),
  );

/**
 * All projects, as plain values: for a nested output the SDK would make promises for each property. A project that has no deploy key any more
 * may have one among the keys of the last update.
 */
const accessOf = (platform: Platform, keys: Readonly<Record<string, string>>): Accesses =>
  Object.fromEntries(
    platform.entries.map((project) => [
      project.name,
      projectAccess(
        platform,
        project,
        project.git.auth === "ssh" ? keys[project.name] : undefined,
      ) as pulumi.Unwrap<ProjectAccess>,
    ]),
  );

/** What the last update has written down of this very stack. */
async function previousOutputs(): Promise<{ applied?: Applied; deployKeys: Record<string, string> }> {
  const name = `${pulumi.getOrganization()}/${pulumi.getProject()}/${pulumi.getStack()}`;
  const { outputs = {} } = ((await pulumi.runtime.invoke("pulumi:pulumi:readStackOutputs", { name })) ??
    {}) as {
    outputs?: { applied?: string; projects?: Record<string, { deployKey?: string }> };
  };
  const keys = Object.entries(outputs.projects ?? {}).flatMap(([name, { deployKey }]) =>
    deployKey ? [[name, deployKey] as const] : [],
  );
  return {
    ...(outputs.applied ? { applied: JSON.parse(outputs.applied) as Applied } : {}),
    deployKeys: Object.fromEntries(keys),
  };
}

/** Of everything that the program's resources follow from. */
function digests(
  { entries, passwordRotationOf, packagesOf, production, settings: { caBundle, registries } }: Platform,
  checkout: string,
): Applied {
  const config = pulumi.runtime.allConfig();
  const shared = Object.entries(config).filter(
    ([key]) => ![`${SECRETS_NAMESPACE}:`, ROTATIONS, PACKAGES_OF].some((own) => key.startsWith(own)),
  );
  const values = (project: Project) =>
    [...secretNames(project), ...registrySecrets(registries)].map((name) =>
      secretKeys(project.name, name).map((key) => config[key]),
    );
  return {
    // On a droplet nothing depends on the machine that deploys: a pipeline's update and a person's are of the same platform.
    platform: digest([
      shared.sort(),
      production ? [] : [checkout, process.getuid?.()],
      programFiles(),
      ...(caBundle ? [caBundle.pem] : []),
    ]),
    projects: Object.fromEntries(
      entries.map((project) => [
        project.name,
        digest([project, passwordRotationOf(project.name), packagesOf(project.name), values(project)]),
      ]),
    ),
  };
}

const digest = (value: unknown): string =>
  createHash("sha256").update(JSON.stringify(value)).digest("base64url").slice(0, 22);

function programFiles(): string[] {
  const files = PROGRAM.flatMap((path) => {
    try {
      return readdirSync(join(HOME, path), { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name));
    } catch {
      return [join(HOME, path)];
    }
  });
  return files.sort().map((file) => `${relative(HOME, file)} ${digest(readFileSync(file, "utf8"))}`);
}
