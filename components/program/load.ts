import { join, resolve } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { type CheckedConfiguration, checkSources } from "../../config/check.ts";
import { UserError } from "../../config/errors.ts";
import { type CloudNames, cloudNames } from "../../config/naming/cloud-names.ts";
import { makeNames, type Names } from "../../config/naming/names.ts";
import { localUrls, type PublicUrls, publicUrls, type Urls } from "../../config/naming/urls.ts";
import type { Releases } from "../../config/opencode-releases.ts";
import { readProjectsFile } from "../../config/projects/load.ts";
import { type AccessList, accessListOf } from "../../config/projects/members.ts";
import { PROJECTS_FILE } from "../../config/projects/overlay.ts";
import type { Project } from "../../config/projects/project.ts";
import { releasesOf } from "../../config/projects/releases.ts";
import { secretNames } from "../../config/projects/services.ts";
import type { CompanyProxy } from "../../config/stack/company/proxy.ts";
import { registrySecrets } from "../../config/stack/company/registries.ts";
import { packagesDay } from "../../config/stack/packages.ts";
import type { PanelConfig } from "../../config/stack/panel.ts";
import { hasPipeline } from "../../config/stack/pipeline.ts";
import type { ProductionSettings } from "../../config/stack/production-schema.ts";
import { secretKeys } from "../../config/stack/secrets.ts";
import { parseSettings, plainKeys, type Settings, withoutNamespace } from "../../config/stack/settings.ts";
import { tokensPresent } from "../../config/stack/tokens.ts";
import { readOptional } from "../../config/text/read-optional.ts";
import { assertPortUsable } from "../proxy/port.ts";
import { refuseStandIns } from "./plugins.ts";
import { assertToolsInstalled } from "./tools.ts";

/** What a stack on a droplet has beyond the others. */
export interface Production {
  settings: ProductionSettings;
  panel: PanelConfig;
  panelWebhook: string | undefined;
  proxy: CompanyProxy | undefined;
  cloud: CloudNames;
  urls: PublicUrls;
  /** Who of people may open a project. */
  accessListOf(project: Project): AccessList;
}

/** All that a person has written, checked, with the names and URLs that follow from it. */
export interface Platform {
  settings: Settings;
  names: Names;
  urls: Urls;
  entries: readonly Project[];
  /** Releases of opencode that projects can run. */
  releases: Releases;
  /** On every stack but `local`. */
  production?: Production;
  /** Values of an entry's secrets, by name. */
  secretsOf(project: Project): Record<string, pulumi.Output<string>>;
  /** Values of the secrets that the stack's registries need, by name, as a project has them. */
  registrySecretsOf(project: Project): Record<string, pulumi.Output<string>>;
  /** Changes when the project's password is to change. */
  passwordRotationOf(project: string): string;
  /** The day of the packages in the project's image. */
  packagesOf(project: string): string;
}

/**
 * Reads projects.yaml and the stack's configuration.
 * @throws pulumi.RunError with every problem found, before any resource is declared, so that a mistake deploys nothing.
 */
export function loadPlatform(checkout: string): Promise<Platform> {
  return withRunError(async () => {
    const { projects, settings } = readConfiguration(checkout);
    const production = settings.production && describeProduction(settings, settings.production);
    if (production) {
      refuseStandIns(pulumi.getStack(), pulumi.runtime.allConfig());
      assertReachable(production.settings);
    } else await assertPortUsable(settings.port, settings.namePrefix);
    return {
      settings,
      names: makeNames(settings.namePrefix),
      urls: production?.urls ?? localUrls(settings),
      entries: projects,
      releases: releasesOf(pulumi.getStack(), process.env),
      ...(production ? { production } : {}),
      secretsOf: (project) => valuesOf(project, secretNames(project)),
      registrySecretsOf: (project) => valuesOf(project, registrySecrets(settings.registries)),
      passwordRotationOf: (project) => settings.passwordRotations[project] ?? settings.passwordRotation,
      packagesOf: (project) => packagesDay(settings, project),
    };
  });
}

/** Reports a UserError as a RunError, which Pulumi shows without a stack trace. */
export async function withRunError<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof UserError) throw new pulumi.RunError(error.message);
    throw error;
  }
}

function readConfiguration(checkout: string): CheckedConfiguration {
  const stack = pulumi.getStack();
  const config = pulumi.runtime.allConfig();
  const tokens = tokensPresent((key) => Object.hasOwn(config, key), process.env);
  const plain = plainKeys(config, process.env.PULUMI_CONFIG_SECRET_KEYS);
  return checkSources({
    stack,
    settings: () =>
      parseSettings(withoutNamespace(config), {
        stack,
        tokens,
        plain,
        hasPipeline: hasPipeline(checkout),
        readFile: (path) => readOptional(resolve(checkout, path)),
      }),
    projects: (context) => readProjectsFile(join(checkout, PROJECTS_FILE), context),
    hasSecret: (project, name) => secretValue(project, name) !== undefined,
  });
}

function describeProduction(
  { namePrefix, panel, panelWebhook, proxy }: Settings,
  settings: ProductionSettings,
): Production {
  return {
    settings,
    panel,
    panelWebhook,
    proxy,
    cloud: cloudNames(namePrefix, pulumi.getStack()),
    urls: publicUrls(settings),
    accessListOf: (project) => accessListOf(project, settings),
  };
}

function assertReachable({ sshThrough }: ProductionSettings): void {
  if (sshThrough === "address") assertToolsInstalled(["ssh"], "required to reach the droplet");
  else assertToolsInstalled(["ssh", "cloudflared"], "required to reach the droplet through the tunnel");
}

function valuesOf(project: Project, names: readonly string[]): Record<string, pulumi.Output<string>> {
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = secretValue(project.name, name);
      return value ? [[name, value] as const] : [];
    }),
  );
}

/** The project's own value of a secret, else the one shared by all. An empty one is none: Docker's provider puts no empty file anywhere. */
function secretValue(project: string, name: string): pulumi.Output<string> | undefined {
  const key = secretKeys(project, name).find((key) => pulumi.runtime.getConfig(key));
  if (!key) return undefined;
  const [namespace, rest] = key.split(":") as [string, string];
  return new pulumi.Config(namespace).getSecret(rest);
}
