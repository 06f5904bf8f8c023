import { readFileSync, statSync } from "node:fs";
import { availableParallelism, totalmem } from "node:os";
import { join } from "node:path";
import { collectProblems, type Problem, UserError } from "./errors.ts";
import { readProjectsFile } from "./projects/load.ts";
import type { Project } from "./projects/project.ts";
import { LOCAL_STACK } from "./stack/commands.ts";
import { hostnameClashes } from "./stack/production.ts";
import { readStackFile, type StackFile } from "./stack/secrets.ts";
import { ownSettings, parseSettings, type Settings, type SettingsContext } from "./stack/settings.ts";

/** What a checkout says, checked. */
export interface Checked {
  readonly projects: readonly Project[];
  readonly settings: Settings;
}

/** The tokens are of whoever runs an update, and no matter of the files. */
const ANY_TOKENS = { digitalocean: true, cloudflare: true };

/**
 * Checks a checkout's projects.yaml and the stack's settings and secrets, without network, Docker, passphrase or tokens.
 * @throws UserError with every problem of both files.
 */
export function check(root: string, stack: string): Checked {
  const file = `Pulumi.${stack}.yaml`;
  const stackFile = readStackFile(readIfThere(root, file), file, stack);
  const [ofProjects, ofStack]: [Problem[], Problem[]] = [[], [...stackFile.problems]];
  const settings = collectProblems(ofStack, () =>
    parseSettings(ownSettings(stackFile.plain), contextOf(stackFile, stack)),
  );
  const projects = collectProblems(ofProjects, () =>
    readProjectsFile(join(root, "projects.yaml"), {
      stack,
      hasSecret: stackFile.hasSecret,
      ...(stack === LOCAL_STACK ? localHost() : dropletHost(settings?.production?.size)),
    }),
  );
  const names = (projects ?? []).map(({ name }) => name);
  if (settings?.production) ofStack.push(...hostnameClashes(settings.production, names, stack));
  const problems = [...ofProjects, ...ofStack];
  if (!projects || !settings || problems.length > 0) throw new UserError("config", problems);
  return { projects, settings };
}

/** An encrypted setting cannot be read here and is checked when the program runs. */
const contextOf = ({ plain, encrypted }: StackFile, stack: string): SettingsContext => ({
  stack,
  tokens: ANY_TOKENS,
  plain: new Set(Object.keys(plain)),
  hidden: encrypted,
});

/** What this machine has, for the stack that runs on it. */
export function localHost(): {
  hostMemoryBytes: number;
  hostCpus: number;
  isDirectory: (path: string) => boolean;
} {
  const isDirectory = (path: string) => statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
  return { hostMemoryBytes: totalmem(), hostCpus: availableParallelism(), isDirectory };
}

/** What a droplet has, as far as its size says: `s-4vcpu-8gb`. */
export function dropletHost(size = ""): { hostMemoryBytes?: number; hostCpus?: number } {
  const [, cpus, memory] = /^(?!gpu)[a-z0-9_]+-(\d+)vcpu-(\d+)gb(?:-|$)/.exec(size) ?? [];
  if (cpus === undefined || memory === undefined) return {};
  return { hostMemoryBytes: Number(memory) * 2 ** 30, hostCpus: Number(cpus) };
}

function readIfThere(root: string, name: string): string | undefined {
  try {
    return readFileSync(join(root, name), "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw new UserError("config", [{ where: name, what: "cannot be read" }]);
  }
}
