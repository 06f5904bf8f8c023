/** Looks up the platform's projects. */
import { indexError } from "./access.ts";
import { UserError } from "./errors.ts";
import { authorized, type Connection, disconnectedError } from "./reach.ts";
import { withoutOrigin } from "./upstream.ts";

export interface ListedProject {
  readonly name: string;
  readonly url: URL;
  readonly state: string;
  /** Since when it is asleep, or on its way there or back; undefined for other states, and on older platforms. */
  readonly since?: Date;
  /** URL of each of its ports, by name or number. */
  readonly ports: Readonly<Record<string, string>>;
}

/** Whether a URL is on this machine, so that no login is needed. */
export const isLocal = ({ hostname }: URL): boolean =>
  /^(localhost|127\.0\.0\.1|\[::1\]|.+\.localhost)$/.test(hostname);

/** URL of a project of a platform on this machine, which has no index: its path at the gateway. */
export const localProject = (name: string, platform: URL): URL =>
  new URL(`/p/${encodeURIComponent(name)}`, platform);

/** The project that an address of the panel's hostname is for: `https://code.example.com/p/shop`. On this machine, the address is the project's own. */
export const projectNamed = (url: URL): string | undefined =>
  isLocal(url) ? undefined : /^\/p\/([a-z][a-z0-9-]*)(\/|$)/.exec(url.pathname)?.[1];

/** Parses a URL; throws `UserError` if a token must not be sent there. */
export function readUrl(text: string): URL {
  const url = URL.parse(/^[a-z]+:\/\//i.test(text) ? text : `https://${text}`);
  if (!url || !["https:", "http:"].includes(url.protocol) || url.username || url.password)
    throw new UserError(
      "usage",
      text,
      `${text} is not the URL of a platform.`,
      "Give one like https://code.example.com.",
    );
  if (url.protocol === "http:" && !isLocal(url))
    throw new UserError("usage", url.origin, `${url.origin} is not encrypted.`, `Use https://${url.host}.`);
  return url;
}

/** A hostname without its first label. An index's URLs must share it, so that no token is sent elsewhere. */
const zone = ({ hostname }: URL) => hostname.split(".").slice(1).join(".");

/** Reads the platform's index: the projects that these credentials can open. */
export async function listProjects(reach: Connection): Promise<ListedProject[]> {
  const accessFailure = () => indexError(reach.url, reach.credentials.machine);
  const answer = await authorized({ ...reach, url: new URL("/projects.json", reach.url) }, accessFailure);
  if (withoutOrigin(answer.status)) throw disconnectedError(reach.url, answer.status);
  if (answer.status === 401 || answer.status === 403) throw accessFailure();
  try {
    if (answer.status !== 200) throw new Error(`it returned ${answer.status}`);
    const { projects } = JSON.parse(answer.body) as { projects: Record<string, unknown>[] };
    return projects.map(({ name, url, state, since, ports }) => {
      const at = new URL(String(url));
      if (zone(at) !== zone(reach.url) || at.protocol !== reach.url.protocol)
        throw new Error(`${name} is on another domain`);
      // The index has hostnames without a port.
      at.port = reach.url.port;
      const began = new Date(String(since));
      return {
        name: String(name),
        url: at,
        state: String(state),
        ...(Number.isNaN(began.getTime()) ? {} : { since: began }),
        ports: readPorts(ports),
      };
    });
  } catch (error) {
    throw new UserError(
      "unreachable",
      reach.url.host,
      `${reach.url.host} is not the index of an opencode platform: ${(error as Error).message}.`,
      "Give the panel's URL with --platform (by default code.<domain>).",
    );
  }
}

/** As an index has them: URLs for a person's eyes, to which nothing is sent. */
const readPorts = (ports: unknown): Record<string, string> =>
  typeof ports === "object" && ports !== null
    ? Object.fromEntries(Object.entries(ports).map(([label, url]) => [label, String(url)]))
    : {};

/** Levenshtein distance. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (const [i, letter] of [...a].entries()) {
    const next = [i + 1];
    for (const [j, other] of [...b].entries())
      next.push(
        Math.min((next[j] ?? 0) + 1, (row[j + 1] ?? 0) + 1, (row[j] ?? 0) + (letter === other ? 0 : 1)),
      );
    row = next;
  }
  return row.at(-1) ?? 0;
}

/** Up to three similar names, best match first. */
export function closest(name: string, names: readonly string[]): string[] {
  const near = (other: string) => (other.includes(name) || name.includes(other) ? 1 : distance(name, other));
  return names
    .filter((other) => near(other) <= Math.max(2, Math.floor(name.length / 3)))
    .sort((a, b) => near(a) - near(b))
    .slice(0, 3);
}

/** Finds a project by name; throws `UserError` (`unknown`) with similar names. */
export function findProject(name: string, projects: readonly ListedProject[]): ListedProject {
  const found = projects.find((project) => project.name === name);
  if (found) return found;
  const near = closest(
    name,
    projects.map((project) => project.name),
  );
  const hint = near.length > 0 ? `Did you mean ${near.join(" or ")}?` : "List projects: opencode-platform ls";
  throw new UserError("unknown", name, `Project ${name} not found, or you are not a member.`, hint);
}
