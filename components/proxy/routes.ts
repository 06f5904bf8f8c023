import { projectPath, type Urls } from "../../config/naming/urls.ts";
import type { AccessList } from "../../config/projects/members.ts";
import { type Port, RELAY_PORT } from "../../config/projects/ports.ts";
import type { Trust } from "../../config/projects/trust.ts";
import { apiFor } from "../../opencode/api/index.ts";
import { ownPathRoutes } from "./own-paths.ts";
import { portUrls, previewRoutes, relayService } from "./previews.ts";
import {
  ADMISSIONS,
  entryState,
  foreignRule,
  NOTICE,
  noticeRouters,
  PERSON_HEADER,
  PRIORITY,
  q,
  type Router,
  without,
} from "./rules.ts";

/** Where the workspace is inside a project's container. */
export const WORKSPACE_PATH = "/workspace";

export interface RouteArgs {
  name: string;
  urls: Urls;
  /** What projects.yaml asks for; the fallback page says it. */
  state: "running" | "stopped";
  /** opencode's release. */
  version: string;
  /** Whether the project asks about its repository: then its page learns who answers. */
  trust?: Trust;
  /** What its own programs serve that has a hostname. */
  ports?: readonly Port[];
}

/**
 * Headers that are taken out of what goes to a project: whatever admits a person or machine to this platform or to another site of the same
 * domain, and who that is. Neither major of opencode uses a cookie, with the password in Authorization.
 */
const CREDENTIALS = ["Authorization", "Cookie", "X-Api-Key", "X-Auth-Token", ...ADMISSIONS];
/** Headers that are taken out of a project's answers: both could reach the other hostnames of its domain. */
const FOR_THE_DOMAIN = ["Set-Cookie", "Clear-Site-Data"];

/** What a route file says. */
export interface RouteConfiguration {
  readonly http: {
    readonly middlewares: Readonly<Record<string, object>>;
    readonly routers: Readonly<Record<string, Router>>;
  };
}

/** Which requests are for a project: at its hostname, below the gateway's path where there is one; and which of them another site sends. */
export function rules({ name, urls }: Pick<RouteArgs, "name" | "urls">) {
  const hostname = `Host(${q(urls.hostname(name))})`;
  // Host is checked on the path too: a page of another site whose name points at 127.0.0.1 must not get the password added.
  const underPath =
    urls.underPath && `(${hostRule(urls.underPath.hostnames)}) && ${pathPrefixRule(projectPath(name))}`;
  return { hostname, underPath, foreign: foreignRule(new URL(urls.browser(name)).origin) };
}

const hostRule = (hostnames: readonly string[]) => hostnames.map((host) => `Host(${q(host)})`).join(" || ");
const pathPrefixRule = (path: string) => `(Path(${q(path)}) || PathPrefix(${q(`${path}/`)}))`;

/**
 * Labels by which Traefik finds a project's container, and the ports of opencode and of the relay to others. Where requests go is in the route file, since the engine compares every
 * label of every container in each update: twelve took a third of its time at 50 projects. The router matches nothing; without one, Traefik
 * makes its own for the container's name.
 */
export const projectLabels = (name: string, version: string): Record<string, string> => ({
  "traefik.enable": "true",
  [`traefik.http.services.${name}.loadbalancer.server.port`]: String(apiFor(version).server.port),
  [`traefik.http.services.${relayService(name)}.loadbalancer.server.port`]: String(RELAY_PORT),
  [`traefik.http.routers.${name}.rule`]: `!PathPrefix(${q("/")})`,
  [`traefik.http.routers.${name}.service`]: name,
});

/** A configuration file for Traefik, in JSON, which YAML includes: writing YAML took a third of a second at 50 projects. */
const fileOf = (configuration: object): string => `${JSON.stringify(configuration)}\n`;

/**
 * Traefik's dynamic configuration for a project, as a file only root reads: its routes (hostname, and `/p/<name>` where there is that), the
 * password, the redirects of browsers from `/p/<name>/` to the hostname and from `/` to the workspace, and what to say when the container does
 * not run.
 */
export const routeFile = (args: RouteArgs & { password: string }): string => fileOf(routeConfiguration(args));

/** The same as an object; without the password where that is empty. */
export function routeConfiguration(args: RouteArgs & { password: string }): RouteConfiguration {
  const { name, urls, state } = args;
  const api = apiFor(args.version);
  const page = api.pagePath(WORKSPACE_PATH);
  const matches = rules(args);
  const { hostname, underPath, foreign } = matches;
  const anywhere = underPath ? `(${hostname} || (${underPath}))` : hostname;
  const password = (credentials: readonly string[]) => ({
    headers: {
      customRequestHeaders: { ...without(credentials), Authorization: api.authorization(args.password) },
      customResponseHeaders: without(FOR_THE_DOMAIN),
    },
  });
  const notice = `${NOTICE}@docker`;
  const browser = `Method(${q("GET")}) && HeaderRegexp(${q("Accept")}, ${q("text/html")})`;
  const previews = previewRoutes(args);
  const own = ownPathRoutes({ ...args, ...matches, credentials: CREDENTIALS, forTheDomain: FOR_THE_DOMAIN });
  return {
    http: {
      middlewares: {
        [`${name}_password`]: password(CREDENTIALS),
        ...(args.trust === "ask"
          ? { [`${name}_trust`]: password(CREDENTIALS.filter((header) => header !== PERSON_HEADER)) }
          : {}),
        ...(underPath ? pathMiddlewares(args) : {}),
        [`${name}_to_page`]:
          page === undefined
            ? entryState(name, "open")
            : { redirectRegex: { regex: "^.*$", replacement: `${urls.browser(name)}${page}` } },
        [`${name}_state`]: entryState(name, state),
        [`${name}_refused`]: entryState(name, "refused"),
        ...previews.middlewares,
        ...(state === "running" ? own.middlewares : {}),
      },
      routers: {
        // A stopped project has no service, about which Traefik would complain.
        ...(state === "running" ? { ...projectRouters(args, matches), ...own.routers } : {}),
        ...(underPath
          ? {
              [`${name}_navigate`]: {
                rule: `${underPath} && ${browser}`,
                priority: PRIORITY.navigate,
                middlewares: [`${name}_to_hostname`],
                service: "noop@internal",
              },
              ...safariRouter(args, underPath, browser),
            }
          : {}),
        // The page that looks for a session would wait for a stopped project for ever.
        ...(page !== undefined || state === "running"
          ? {
              [`${name}_open`]: {
                rule: `${hostname} && Path(${q("/")}) && ${browser}`,
                priority: PRIORITY.navigate,
                middlewares: [`${name}_to_page`],
                service: page === undefined ? notice : "noop@internal",
              },
            }
          : {}),
        ...noticeRouters(name, anywhere, foreign),
        ...previews.routers,
      },
    },
  };
}

/** Routers to opencode itself. Those that a container of release 0.1 has as labels would not refuse as much, and never win. */
function projectRouters(
  { name, trust }: RouteArgs,
  { hostname, underPath, foreign }: ReturnType<typeof rules>,
) {
  const router = { priority: PRIORITY.project, service: `${name}@docker` };
  return {
    [name]: { ...router, rule: `${hostname} && !${foreign}`, middlewares: [`${name}_password`] },
    ...(trust === "ask"
      ? {
          [`${name}_trust`]: {
            ...router,
            rule: `${hostname} && Path(${q("/trust")}) && Method(${q("POST")}) && !${foreign}`,
            priority: PRIORITY.navigate,
            middlewares: ["_person", `${name}_trust`],
          },
        }
      : {}),
    ...(underPath
      ? {
          [`${name}_path`]: {
            ...router,
            rule: `${underPath} && !${foreign}`,
            middlewares: [`${name}_strip`, `${name}_password`],
          },
        }
      : {}),
  };
}

/** Safari has names below localhost looked up by the system, which may not know them: a page says so, where a redirect would lead nowhere. */
function safariRouter({ name, urls }: RouteArgs, underPath: string, browser: string) {
  if (!urls.hostname(name).endsWith(".localhost")) return {};
  const agent = (words: string) => `HeaderRegexp(${q("User-Agent")}, ${q(words)})`;
  return {
    [`${name}_safari`]: {
      rule: `${underPath} && ${browser} && ${agent("Version/[0-9.]+ .*Safari/")} && !${agent("Chrom|Android")}`,
      priority: PRIORITY.navigate + 1,
      middlewares: [`${name}_safari`],
      service: `${NOTICE}@docker`,
    },
  };
}

const pathMiddlewares = ({ name, urls }: RouteArgs) => ({
  [`${name}_safari`]: {
    headers: {
      customRequestHeaders: {
        ...entryState(name, "safari").headers.customRequestHeaders,
        "X-Opencode-Url": urls.browser(name),
      },
    },
  },
  [`${name}_strip`]: { stripPrefix: { prefixes: [projectPath(name)] } },
  [`${name}_to_hostname`]: {
    redirectRegex: {
      regex: `^https?://[^/]+${projectPath(name)}/?(.*)$`,
      replacement: `${urls.browser(name)}$\{1}`,
    },
  },
});

/** A project's entry in the platform's index, and the people who can see it, as JSON. */
export const indexFile = ({
  name,
  urls,
  state,
  ports = [],
  admitted,
}: Omit<RouteArgs, "version"> & { admitted: AccessList }): string =>
  JSON.stringify({
    name,
    url: urls.browser(name),
    state,
    ...(ports.length > 0 ? { ports: portUrls(name, ports, urls) } : {}),
    admitted,
  });

/**
 * Traefik's dynamic configuration for the panel's hostname where there is a panel, as YAML: the panel, and while that does not answer the index
 * of projects; the list that `opencode-platform` reads is the notice page's all the time.
 */
export function panelRoute(hostname: string, port: number): string {
  const rule = `Host(${q(hostname)})`;
  const router = { priority: PRIORITY.navigate, middlewares: ["_indexed@docker"] };
  return fileOf({
    http: {
      routers: {
        _panel: { ...router, rule, service: "_panel_or_index" },
        _panel_list: {
          ...router,
          rule: `${rule} && Path(${q("/projects.json")})`,
          priority: PRIORITY.navigate + 1,
          service: `${NOTICE}@docker`,
        },
      },
      services: {
        _panel: {
          loadBalancer: {
            servers: [{ url: `http://127.0.0.1:${port}` }],
            healthCheck: { path: "/ping", interval: "5s", timeout: "3s" },
            // Updates and logs are followed for as long as they go on.
            responseForwarding: { flushInterval: "100ms" },
          },
        },
        _panel_or_index: { failover: { service: "_panel", fallback: `${NOTICE}@docker` } },
      },
    },
  });
}
