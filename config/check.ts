import { statSync } from "node:fs";
import { availableParallelism, totalmem } from "node:os";
import { join, resolve } from "node:path";
import { collectProblems, type Problem, UserError } from "./errors.ts";
import { examineProjects, type LoadedProjects, readOverlay, readProjectsFile } from "./projects/load.ts";
import { type NamedText, PROJECTS_FILE } from "./projects/overlay.ts";
import { previewName } from "./projects/ports.ts";
import { releasesOf } from "./projects/releases.ts";
import { strayOverlays } from "./projects/stray-overlays.ts";
import type { HostContext } from "./projects/violation.ts";
import { LOCAL_STACK } from "./stack/commands.ts";
import { proxyWarnings } from "./stack/company/proxy.ts";
import { registrySecretProblems } from "./stack/company/registries.ts";
import { dropletCapacity } from "./stack/droplet-size.ts";
import { hasPipeline } from "./stack/pipeline.ts";
import { hostnameClashes, longHostnames } from "./stack/production-rules.ts";
import { readStackFile, type StackFile } from "./stack/secrets.ts";
import { parseSettings, type Settings, withoutNamespace } from "./stack/settings.ts";
import { readOptional } from "./text/read-optional.ts";

/** projects.yaml and the stack's settings, checked. */
export interface CheckedConfiguration extends LoadedProjects {
  readonly settings: Settings;
}

/** Where projects and settings are read from. Either may throw a UserError with everything that is wrong with it. */
export interface ConfigurationSources {
  readonly stack: string;
  readonly settings: () => Settings;
  readonly projects: (context: HostContext) => LoadedProjects;
  /** Whether a secret has a value for a project. */
  readonly hasSecret: (project: string, name: string) => boolean;
}

/** The tokens are of whoever runs an update, and no matter of the files. */
const TOKENS_UNKNOWN = { digitalocean: true, cloudflare: true };

/**
 * Checks projects and settings, and each against the other.
 * @param further problems that were found before, which are reported after those of the projects
 * @throws UserError with every problem of both
 */
export function checkSources(
  sources: ConfigurationSources,
  further: readonly Problem[] = [],
): CheckedConfiguration {
  const { loaded, settings, ofProjects, ofSettings, clashes } = examine(sources);
  const problems = [...ofProjects, ...further, ...ofSettings, ...clashes];
  if (!loaded || !settings || problems.length > 0) throw new UserError("config", problems);
  const warnings = [...loaded.warnings, ...proxyWarnings(settings.proxy, loaded.projects)];
  return { ...loaded, warnings, settings };
}

/**
 * Checks a checkout's projects.yaml and the stack's settings and secrets, without network, Docker, passphrase or tokens.
 * @param options.isResolving whether the files of `npm run devcontainer` are about to be written, and not checked
 * @throws UserError with every problem of both files.
 */
export function checkConfiguration(
  root: string,
  stack: string,
  options: Pick<HostContext, "isResolving"> = {},
): CheckedConfiguration {
  const stackFile = readCheckout(root, stack);
  const projects = (context: HostContext) =>
    readProjectsFile(join(root, PROJECTS_FILE), { ...context, ...options });
  const checked = checkSources({ ...sourcesOf(root, stackFile, stack), projects }, stackFile.problems);
  return { ...checked, warnings: [...checked.warnings, ...strayOverlays(root, stack)] };
}

/** The settings of a checkout's stack, as far as they can be read without a passphrase. @throws UserError if they are invalid */
export const readStackSettings = (root: string, stack: string): Settings =>
  sourcesOf(root, readCheckout(root, stack), stack).settings();

/**
 * Checks a text that is not in a checkout's projects.yaml yet, with the stack's own file laid over it, against the stack's settings and secrets. What is wrong with those is no
 * matter of an entry and is not reported.
 * @param given secrets that get a value with the text
 * @param overlay the stack's own file. Default: the checkout's
 * @throws UserError with every problem of the text
 */
export function checkProjectsText(
  root: string,
  stack: string,
  text: string,
  given?: { readonly project: string; readonly names: readonly string[] },
  overlay: NamedText | undefined = readOverlay(root, stack),
): void {
  const sources = sourcesOf(root, readCheckout(root, stack), stack);
  const { ofProjects, clashes } = examine({
    ...sources,
    projects: (context) =>
      examineProjects(text, {
        ...context,
        file: PROJECTS_FILE,
        directory: root,
        overlay,
      }),
    hasSecret: (project, name) =>
      (given?.project === project && given.names.includes(name)) || sources.hasSecret(project, name),
  });
  const problems = [...ofProjects, ...clashes];
  if (problems.length > 0) throw new UserError("config", problems);
}

function examine({ stack, settings: readSettings, projects: readProjects, hasSecret }: ConfigurationSources) {
  const [ofProjects, ofSettings]: [Problem[], Problem[]] = [[], []];
  const settings = collectProblems(ofSettings, readSettings);
  const capacity = capacityOf(stack, settings);
  const loaded = collectProblems(ofProjects, () =>
    readProjects({
      stack,
      hasSecret,
      ...(settings ? { slimImage: settings.slimImage } : {}),
      ...capacity,
      ...opencodeOf(stack),
    }),
  );
  const names = (loaded?.projects ?? []).flatMap((project) => [
    project.name,
    ...project.ports.map((port) => previewName(project.name, port)),
  ]);
  const { production, registries } = settings ?? {};
  ofSettings.push(...registrySecretProblems(registries, loaded?.projects ?? [], hasSecret, stack));
  const clashes = production
    ? [...hostnameClashes(production, names, stack), ...longHostnames(production, names)]
    : [];
  return { loaded, settings, ofProjects, ofSettings, clashes };
}

/** Releases of opencode for a stack, and the processor that they have to run on: droplets have x64 alone. */
const opencodeOf = (stack: string): Pick<HostContext, "releases" | "processor"> => ({
  releases: releasesOf(stack, process.env),
  processor: stack === LOCAL_STACK ? process.arch : "x64",
});

function readCheckout(root: string, stack: string): StackFile {
  const file = `Pulumi.${stack}.yaml`;
  return readStackFile(readStackText(root, file), file, stack);
}

function readStackText(root: string, file: string): string | undefined {
  try {
    return readOptional(join(root, file));
  } catch {
    throw new UserError("config", [{ where: file, what: "cannot be read" }]);
  }
}

/** An encrypted setting cannot be read here and is checked when the program runs. */
const sourcesOf = (root: string, { plain, encrypted, hasSecret }: StackFile, stack: string) => ({
  stack,
  hasSecret,
  settings: () =>
    parseSettings(withoutNamespace(plain), {
      stack,
      tokens: TOKENS_UNKNOWN,
      plain: new Set(Object.keys(plain)),
      hidden: encrypted,
      hasPipeline: hasPipeline(root),
      readFile: (path) => readOptional(resolve(root, path)),
    }),
});

/** What a stack's host has, as far as that is known. */
export function capacityOf(stack: string, settings: Pick<Settings, "production"> | undefined) {
  if (stack === LOCAL_STACK) return localCapacity();
  const { size, volumeSize } = settings?.production ?? {};
  return { ...dropletCapacity(size), ...(volumeSize ? { volumeBytes: volumeSize * 2 ** 30 } : {}) };
}

/** What this machine has, for the stack that runs on it. */
function localCapacity(): Pick<HostContext, "hostMemoryBytes" | "hostCpus" | "isDirectory"> {
  const isDirectory = (path: string) => statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
  return { hostMemoryBytes: totalmem(), hostCpus: availableParallelism(), isDirectory };
}
