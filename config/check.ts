import { readFileSync, statSync } from "node:fs";
import { availableParallelism, totalmem } from "node:os";
import { join } from "node:path";
import { ConfigError, collect, type Problem } from "./errors.ts";
import { readProjectsFile } from "./load.ts";
import type { Project } from "./project.ts";
import { readStackFile } from "./secrets.ts";
import { ownSettings, parseSettings, type Settings } from "./stack.ts";

/** What a checkout says, checked. */
export interface Checked {
  readonly projects: readonly Project[];
  readonly settings: Settings;
}

/**
 * Checks a checkout's projects.yaml and the stack's settings and secrets, without network, Docker or passphrase.
 * @throws ConfigError with every problem of both files.
 */
export function check(root: string, stack: string): Checked {
  const stackFile = readStackFile(readIfThere(root, `Pulumi.${stack}.yaml`), `Pulumi.${stack}.yaml`);
  const problems: Problem[] = [];
  const projects = collect(problems, () =>
    readProjectsFile(join(root, "projects.yaml"), {
      stack,
      hasSecret: stackFile.hasSecret,
      ...(stack === "local" && localHost()),
    }),
  );
  problems.push(...stackFile.problems);
  // An encrypted setting cannot be read here and is checked when the program runs.
  const settings = collect(problems, () => parseSettings(ownSettings(stackFile.plain)));
  if (!projects || !settings || problems.length > 0) throw new ConfigError(problems);
  return { projects, settings };
}

/** What this machine has, for the stack that runs on it. */
export function localHost(): {
  hostMemoryBytes: number;
  hostCpus: number;
  isDirectory: (path: string) => boolean;
} {
  const isDirectory = (path: string) => statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
  return { hostMemoryBytes: totalmem(), hostCpus: availableParallelism(), isDirectory };
}

function readIfThere(root: string, name: string): string | undefined {
  try {
    return readFileSync(join(root, name), "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw new ConfigError([{ where: name, what: "cannot be read" }]);
  }
}
