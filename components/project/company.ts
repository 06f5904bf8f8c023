/** What a company's network adds to a project's container: variables, and the files in which npm, pip and uv look for registries. */
import { readFileSync } from "node:fs";
import * as pulumi from "@pulumi/pulumi";
import type { Urls } from "../../config/naming/urls.ts";
import { previewName } from "../../config/projects/ports.ts";
import type { Project } from "../../config/projects/project.ts";
import { caVariables } from "../../config/stack/company/ca-bundle.ts";
import type { CompanySettings } from "../../config/stack/company/index.ts";
import { proxyVariables } from "../../config/stack/company/proxy.ts";
import type { Registries, Registry } from "../../config/stack/company/registries.ts";

/** All of it, as the container takes it. */
export interface ProjectCompany {
  /** What the entry's own variables and secrets leave of them. */
  readonly variables: Readonly<Record<string, string>>;
  /** By name below /run/opencode: what only the project's user may read. */
  readonly secretFiles: Readonly<Record<string, pulumi.Input<string>>>;
  /** Without a secret in them. */
  readonly files: readonly {
    readonly file: string;
    readonly content: string;
    readonly permissions: string;
  }[];
}

type Values = Readonly<Record<string, pulumi.Output<string>>>;

const NPMRC = "npmrc";
const NETRC = "netrc";
/** What the image says of pip already, to be kept. */
const PIP_CONF = new URL("../../opencode/rootfs/etc/pip.conf", import.meta.url);

/**
 * @param values of the registries' secrets, by name
 * @returns undefined where the stack has no such settings
 */
export function companyOf(
  { proxy, caBundle, registries }: CompanySettings,
  project: Project,
  urls: Urls,
  values: Values,
): ProjectCompany | undefined {
  if (!proxy && !caBundle && !registries) return undefined;
  const secretFiles = registryFiles(registries, values);
  const variables = {
    ...proxyVariables(proxy, ownNames(project, urls)),
    // Node's own clients look at no variable of a proxy without it.
    ...(proxy ? { NODE_USE_ENV_PROXY: "1" } : {}),
    ...caVariables(caBundle),
    ...(secretFiles[NPMRC] === undefined ? {} : { NPM_CONFIG_GLOBALCONFIG: `/run/opencode/${NPMRC}` }),
    ...(secretFiles[NETRC] === undefined ? {} : { NETRC: `/run/opencode/${NETRC}` }),
  };
  return { variables: without(variables, project), secretFiles, files: pythonFiles(registries?.pypi) };
}

/**
 * Names that lead to the platform itself, and to the project's services. On a droplet not its whole domain, which may have more of the company's, and no other project's, so that
 * a new one replaces nobody's container.
 */
function ownNames({ name, ports, services = [] }: Project, urls: Urls): string[] {
  const own = [name, ...services.map((service) => service.name)];
  const hostnames = [name, ...ports.map((port) => previewName(name, port))].map(urls.hostname);
  if (urls.underPath) return [...own, `.${urls.hostname(name).slice(name.length + 1)}`];
  return [...own, ...hostnames, ...(urls.panel === undefined ? [] : [urls.panel])];
}

/** The entry's own count instead: a proxy's in either form of its name, since programs differ in which they read first. */
function without(variables: Readonly<Record<string, string>>, { env, secrets }: Project) {
  const own = new Set([...Object.keys(env), ...secrets].map((name) => name.toUpperCase()));
  return Object.fromEntries(Object.entries(variables).filter(([name]) => !own.has(name.toUpperCase())));
}

function registryFiles(
  registries: Registries | undefined,
  values: Values,
): Record<string, pulumi.Input<string>> {
  const { npm, pypi } = registries ?? {};
  const secretOf = ({ secret }: Registry) => (secret === undefined ? undefined : values[secret]);
  const npmValue = npm && secretOf(npm);
  const pypiValue = pypi && secretOf(pypi);
  return {
    ...(npm ? { [NPMRC]: npmValue ? npmValue.apply((value) => npmrc(npm, value)) : npmrc(npm) } : {}),
    ...(pypi && pypiValue ? { [NETRC]: pypiValue.apply((value) => netrc(pypi, value)) } : {}),
  };
}

/** npm's configuration: below that of a person and of a repository, and with credentials for exactly this registry. */
export function npmrc({ url, scopes, username }: NonNullable<Registries["npm"]>, secret?: string): string {
  const at = `${url}/`;
  const registry = scopes.length > 0 ? scopes.map((scope) => `${scope}:registry=${at}`) : [`registry=${at}`];
  const path = at.replace(/^https?:/, "");
  const value = secret?.trim();
  const credentials =
    value === undefined
      ? []
      : username === undefined
        ? [`${path}:_authToken=${iniValue(value)}`]
        : [`${path}:_auth=${Buffer.from(`${username}:${value}`).toString("base64")}`];
  return `${[...registry, ...credentials].join("\n")}\n`;
}

/** npm reads a quoted value as JSON, and `\${` as what it is rather than as a variable. */
const iniValue = (value: string): string =>
  /^[\w.~+/=-]+$/.test(value) ? value : JSON.stringify(value.replaceAll("${", "\\${"));

/** What pip, uv and Python's requests look up by hostname; in no URL, which they would log. */
export function netrc({ url, username = "__token__" }: Registry, secret: string): string {
  const password = secret.trim();
  if (/\s/.test(password))
    throw new pulumi.RunError(
      `the password for ${new URL(url).hostname} has a blank or a line break, which no .netrc can have: set the secret of registries.pypi again`,
    );
  return `machine ${new URL(url).hostname} login ${username} password ${password}\n`;
}

/** Of the machine, so that a person's own settings and a repository's count instead. */
function pythonFiles(pypi: Registry | undefined): ProjectCompany["files"] {
  if (!pypi) return [];
  const own = readFileSync(PIP_CONF, "utf8");
  return [
    { file: "/etc/pip.conf", content: `${own}[global]\nindex-url = ${pypi.url}\n`, permissions: "0444" },
    {
      file: "/etc/uv/uv.toml",
      content: `[[index]]\nurl = ${JSON.stringify(pypi.url)}\ndefault = true\n`,
      permissions: "0444",
    },
  ];
}
