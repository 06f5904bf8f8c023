/**
 * What a sleeping project is asked, in Traefik's rule language: event streams and polls, which it sleeps through, and all else, which is somebody's doing and
 * wakes it. The lists of each major are in `opencode/api`, from what its own page and terminal client send.
 */
import { PORTS_PATH } from "../../config/naming/urls.ts";
import { MAJORS, type OpencodeApi, unsupportedHealth } from "../../opencode/api/index.ts";
import { q } from "./rules.ts";

/** A path that is answered for a sleeping project by the platform itself, whatever its release: by it the keeper sees that Traefik has switched. */
export const ASLEEP_PATH = "/_platform/asleep";

/** Requests to one project, at one of its addresses. */
export interface Wakes {
  /** Traefik's rule of all requests to the project there: its hostname, or its path below the gateway. */
  rule: string;
  /** The API of the project's release. */
  api: OpencodeApi;
  /** What comes before opencode's paths there, as `/p/web`. Default: nothing. */
  prefix?: string;
}

const escapeRegExp = (text: string) => text.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");

/** Exact paths, which Traefik compares without the query. */
const paths = (prefix: string, list: readonly string[]) =>
  `PathRegexp(${q(`^${escapeRegExp(prefix)}(${list.map(escapeRegExp).join("|")})$`)})`;

/** Asked of every project: health, by whoever does not know its release, and which of its ports answer, by a list of projects. */
const ALWAYS_CALM = [
  ...new Set([...MAJORS.map(({ health }) => health), ...unsupportedHealth].map(({ path }) => path)),
  PORTS_PATH,
];

const READS = `(Method(${q("GET")}) || Method(${q("HEAD")}))`;

/** Where a browser opens a page. Over plain HTTP it says so in Accept alone. */
const NAVIGATION = `(Header(${q("Sec-Fetch-Mode")}, ${q("navigate")}) || HeaderRegexp(${q("Accept")}, ${q("text/html")}))`;

/** Every browser's begins like this, and no terminal client's, script's or health check's. */
const BROWSER = `HeaderRegexp(${q("User-Agent")}, ${q("^Mozilla/")})`;

/** Rule of the requests for an event stream. */
export const eventsRule = ({ rule, api, prefix = "" }: Wakes): string =>
  `(${rule}) && Method(${q("GET")}) && ${paths(prefix, api.asleep.streams)} && !${NAVIGATION}`;

/**
 * Rule of the requests that wake nobody: polls of a page or terminal client that is open, and lists that programs poll. A page fetches a list when somebody
 * looks at it, so a browser's request for one wakes.
 */
export const calmRule = ({ rule, api, prefix = "" }: Wakes): string =>
  `(${rule}) && ${READS} && !${NAVIGATION} && (${paths(prefix, [...new Set([...api.asleep.polls, ...ALWAYS_CALM])])} || (${paths(prefix, api.asleep.lists)} && !${BROWSER}))`;

/**
 * Rule of what an open page of a project's own program sends by itself: it reads something, or opens a WebSocket again as soon as that was cut (Vite and others
 * every second). Whoever opens a page, sends a form or asks without a browser wakes: Node's fetch has Sec-Fetch-Mode too, and no Sec-Fetch-Site. Over plain HTTP some browsers say by User-Agent alone that they are one.
 * @param rule of the requests to the program
 */
export const openPageRule = (rule: string): string => {
  const socket = `(HeaderRegexp(${q("Upgrade")}, ${q("(?i)^websocket$")}) && HeaderRegexp(${q("Origin")}, ${q(".+")}))`;
  const script = `(HeaderRegexp(${q("Sec-Fetch-Site")}, ${q(".+")}) || (${BROWSER} && !HeaderRegexp(${q("Accept")}, ${q("text/html")})))`;
  return `(${rule}) && ${READS} && !Header(${q("Sec-Fetch-Mode")}, ${q("navigate")}) && (${socket} || ${script})`;
};

/** Rule of the platform's own question whether the project's routes lead to where sleepers are answered. */
export const askedRule = ({ rule, prefix = "" }: Omit<Wakes, "api">): string =>
  `(${rule}) && Path(${q(`${prefix}${ASLEEP_PATH}`)})`;

/** Headers for the waker beside those of `entryState`: it answers health checks and event streams as this release does. */
export const releaseHeader = (version: string): Record<string, string> => ({ "X-Opencode-Release": version });
