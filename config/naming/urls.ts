import { projectLabel } from "../stack/production-rules.ts";

/** A project's URL for a terminal, without a final slash. */
export interface TerminalTarget {
  readonly url: string;
  /** Whether Cloudflare Access is before it: opencode's own client cannot send a token, the program of attach/ can. */
  readonly isBehindAccess: boolean;
}

/** The one place that makes URLs. */
export interface Urls {
  /** What the addresses of the projects' commits end with: the stack's domain. */
  readonly domain: string;
  /** Hostname on which a project's page is served, without a port. */
  hostname(project: string): string;
  /** What a person opens in a browser, with a final slash. */
  browser(project: string): string;
  /** Where the gateway also serves a project's API under a path, for terminals that cannot resolve the hostname. */
  readonly underPath?: {
    /** The hostnames on which it does. */
    readonly hostnames: readonly string[];
    /** Such a project's URL, without a final slash. */
    url(project: string): string;
  };
  /** What a person opens in a terminal. */
  terminal(project: string): TerminalTarget;
  /** Hostname of the panel, where it has one. */
  readonly panel?: string;
}

/** URLs of the stack `local`. */
export interface LocalUrls extends Urls {
  readonly underPath: NonNullable<Urls["underPath"]>;
}

/** URLs of a stack on a droplet: all are one label below the domain, so that Cloudflare's universal certificate covers them. */
export interface PublicUrls extends Urls {
  /** Hostname of the panel. */
  readonly panel: string;
  /** Hostname of SSH through the tunnel, if there is one. */
  readonly ssh?: string;
}

/** Path under which the gateway serves a project's API, without a final slash. */
export const projectPath = (project: string): string => `/p/${project}`;

/** What the platform's own paths at a project's hostname begin with; none of opencode's does. */
export const OWN_PATHS = "/_platform/";

/** Where a log-in whose redirect goes to localhost is finished, at a project's hostname. */
export const LOGIN_PATH = `${OWN_PATHS}callback`;

/** Which of a project's ports something listens on, at its hostname. */
export const PORTS_PATH = `${OWN_PATHS}ports`;

/** URLs of the `local` stack: Traefik on loopback, one name below `domain` per project. */
export function localUrls({ port, localDomain: domain }: { port: number; localDomain: string }): LocalUrls {
  const at = port === 80 ? "" : `:${port}`;
  const url = (project: string) => `http://localhost${at}${projectPath(project)}`;
  return {
    domain: `opencode.${domain}`,
    hostname: (project) => `${project}.${domain}`,
    browser: (project) => `http://${project}.${domain}${at}/`,
    underPath: { hostnames: ["localhost", "127.0.0.1"], url },
    terminal: (project) => ({ url: url(project), isBehindAccess: false }),
  };
}

/**
 * URLs of a stack on a droplet. No path of one hostname leads to another's project: each has its own Access application, and a way past it
 * would be a way past its policy.
 */
export function publicUrls(settings: {
  domain: string;
  hostnamePattern: string;
  panelHostname: string;
  sshHostname?: string;
}): PublicUrls {
  const { domain, hostnamePattern, panelHostname, sshHostname } = settings;
  const hostname = (project: string) => `${projectLabel(hostnamePattern, project)}.${domain}`;
  return {
    domain,
    hostname,
    browser: (project) => `https://${hostname(project)}/`,
    terminal: (project) => ({ url: `https://${hostname(project)}`, isBehindAccess: true }),
    panel: `${panelHostname}.${domain}`,
    ...(sshHostname ? { ssh: `${sshHostname}.${domain}` } : {}),
  };
}
