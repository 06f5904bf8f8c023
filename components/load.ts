import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { localHost } from "../config/check.ts";
import { ConfigError, collect, type Problem } from "../config/errors.ts";
import { readProjectsFile } from "../config/load.ts";
import { makeNames, type Names } from "../config/names.ts";
import type { Project } from "../config/project.ts";
import { secretKeys } from "../config/secrets.ts";
import { ownSettings, parseSettings, type Settings } from "../config/stack.ts";
import { localUrls, type Urls } from "../config/urls.ts";
import { assertPortUsable } from "./port.ts";

/** All that a person has written, checked, with the names and URLs that follow from it. */
export interface Platform {
  settings: Settings;
  names: Names;
  urls: Urls;
  entries: readonly Project[];
  /** Values of an entry's secrets, by name. */
  secretsOf(project: Project): Record<string, pulumi.Output<string>>;
  /** Changes when the project's password is to change. */
  rotationOf(project: string): string;
}

/**
 * Reads projects.yaml and the stack's configuration.
 * @throws pulumi.RunError with every problem found, before any resource is declared, so that a mistake deploys nothing.
 */
export async function loadPlatform(checkout: string): Promise<Platform> {
  try {
    assertStackIsLocal(pulumi.getStack());
    const problems: Problem[] = [];
    const entries = collect(problems, () =>
      readProjectsFile(join(checkout, "projects.yaml"), {
        stack: pulumi.getStack(),
        hasSecret: (project, name) => findSecret(project, name) !== undefined,
        ...localHost(),
      }),
    );
    const settings = collect(problems, () => parseSettings(ownSettings(pulumi.runtime.allConfig())));
    if (!entries || !settings) throw new ConfigError(problems);
    await assertPortUsable(settings.port, settings.namePrefix);
    return {
      settings,
      names: makeNames(settings.namePrefix),
      urls: localUrls(settings.port),
      entries,
      secretsOf,
      rotationOf: (project) => settings.passwordRotations[project] ?? settings.passwordRotation,
    };
  } catch (error) {
    if (error instanceof ConfigError) throw new pulumi.RunError(error.message);
    throw error;
  }
}

/** Another stack would be deployed to this machine, which is hardly what its name means. */
function assertStackIsLocal(stack: string): void {
  if (stack === "local") return;
  throw new ConfigError([
    {
      where: `stack ${stack}`,
      what: "this program runs on one machine so far, as the stack local",
      fix: "npm run pulumi -- up --stack local",
    },
  ]);
}

function secretsOf(project: Project): Record<string, pulumi.Output<string>> {
  return Object.fromEntries(
    project.secrets.flatMap((name) => {
      const value = findSecret(project.name, name);
      return value ? [[name, value] as const] : [];
    }),
  );
}

/** The project's own value of a secret, else the one shared by all. An empty one is none: Docker's provider puts no empty file anywhere. */
function findSecret(project: string, name: string): pulumi.Output<string> | undefined {
  const key = secretKeys(project, name).find((key) => pulumi.runtime.getConfig(key));
  if (!key) return undefined;
  const [namespace, rest] = key.split(":") as [string, string];
  return new pulumi.Config(namespace).getSecret(rest);
}
