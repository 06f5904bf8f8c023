/** The one place that makes URLs. */
export interface Urls {
  /** Hostname on which a project's page is served, without a port. */
  hostname(project: string): string;
  /** What a person opens in a browser, with a final slash. */
  browser(project: string): string;
  /** What `opencode attach` is given: a path under the gateway, because a terminal cannot resolve `*.localhost`. */
  api(project: string): string;
  /** The command a person types in a terminal. */
  attach(project: string): string;
}

/** Path under which the gateway serves a project's API, without a final slash. */
export const projectPath = (project: string): string => `/p/${project}`;

/** URLs of the `local` stack: Traefik on loopback, one `*.localhost` name per project. */
export function localUrls(port: number): Urls {
  const at = port === 80 ? "" : `:${port}`;
  const api = (project: string) => `http://localhost${at}${projectPath(project)}`;
  return {
    hostname: (project) => `${project}.localhost`,
    browser: (project) => `http://${project}.localhost${at}/`,
    api,
    attach: (project) => `opencode attach ${api(project)}`,
  };
}
