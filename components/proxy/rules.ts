/** What the routes of projects and of their ports have in common, in Traefik's rule language. */

/** Who sends a request: an e-mail address, `machine`, or nothing on a machine of one's own. */
export const PERSON_HEADER = "X-Opencode-Person";

/** Who wins when several routers match a request: the first of these. A container made by release 0.1 has routers of its own as labels, with 100. */
export const PRIORITY = { navigate: 200, refused: 150, project: 120, fallback: 10, unknown: 1 } as const;

/** At the gateway's own address: what Traefik asks for each request that it holds for a sleeping project. */
export const WAKE_PATH = "/_wake/";

/** Router and service of the notice page. No project's name has an underscore, so nothing of ours clashes with one. */
export const NOTICE = "_notice";

/** A router of Traefik's, as far as the route files have one. */
export interface Router {
  readonly rule: string;
  readonly priority: number;
  readonly middlewares?: readonly string[];
  readonly service: string;
}

/** Values of Traefik's rule language are quoted with backticks; names and URLs of ours contain none. */
export const q = (value: string): string => `\`${value}\``;

/** Traefik removes a header that is set to nothing. */
export const without = (names: readonly string[]): Record<string, string> =>
  Object.fromEntries(names.map((name) => [name, ""]));

/** What admits a person or machine to the platform or to another site of the same domain, and who that is: no project's business. */
export const ADMISSIONS: readonly string[] = [
  "Proxy-Authorization",
  "Cf_authorization",
  "Cf-Access-Jwt-Assertion",
  "Cf-Access-Token",
  "Cf-Access-Client-Id",
  "Cf-Access-Client-Secret",
  "Cf-Access-Authenticated-User-Email",
  PERSON_HEADER,
];

/** Routers to the notice page: for what another site sends, and for what nothing else answers. Each has a middleware that says so. */
export const noticeRouters = (id: string, anywhere: string, foreign: string) => ({
  [`${id}_refused`]: {
    rule: `${anywhere} && ${foreign}`,
    priority: PRIORITY.refused,
    middlewares: [`${id}_refused`],
    service: `${NOTICE}@docker`,
  },
  [`${id}_fallback`]: {
    rule: anywhere,
    priority: PRIORITY.fallback,
    middlewares: [`${id}_state`],
    service: `${NOTICE}@docker`,
  },
});

/** A middleware that tells the notice page which project a request is for, and why it ended there. */
export const entryState = (project: string, state: string) => ({
  headers: { customRequestHeaders: { "X-Opencode-Project": project, "X-Opencode-State": state } },
});

/**
 * What another site's page sends. A browser adds Origin to everything that can change something and to WebSockets, and Sec-Fetch-Site to all
 * else, since a GET can start something too; opencode's terminal client sends neither. A link may lead to a page.
 */
export function foreignRule(own: string): string {
  const origin = `HeaderRegexp(${q("Origin")}, ${q(".+")}) && !Header(${q("Origin")}, ${q(own)})`;
  const site = `HeaderRegexp(${q("Sec-Fetch-Site")}, ${q("^(cross-site|same-site)$")})`;
  const opened = [
    `(Method(${q("GET")}) || Method(${q("HEAD")}))`,
    `Header(${q("Sec-Fetch-Mode")}, ${q("navigate")})`,
    `Header(${q("Sec-Fetch-Dest")}, ${q("document")})`,
    `!HeaderRegexp(${q("Sec-Purpose")}, ${q(".+")})`,
  ].join(" && ");
  return `((${origin}) || (${site} && !(${opened})))`;
}
