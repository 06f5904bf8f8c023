/** The platform's projects: which there are, and where. */
import { indexError } from "./access.ts";
import { UserError } from "./errors.ts";
import { authorized, type Connection, disconnectedError } from "./reach.ts";
import { withoutOrigin } from "./upstream.ts";

export interface ListedProject {
  readonly name: string;
  readonly url: URL;
  readonly state: string;
}

/** Whether requests go no further than this machine, so that there is no login. */
export const isLocal = ({ hostname }: URL): boolean =>
  /^(localhost|127\.0\.0\.1|\[::1\]|.+\.localhost)$/.test(hostname);

/** A project of a platform on this machine, which has no index: its path at the gateway. */
export const localProject = (name: string, platform: URL): URL =>
  new URL(`/p/${encodeURIComponent(name)}`, platform);

/** A URL that a token may be sent to. */
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

/** All of a hostname below its first label; nothing of an index may lead elsewhere with a token. */
const zone = ({ hostname }: URL) => hostname.split(".").slice(1).join(".");

/** Reads the platform's index: the projects that whoever asks may open. */
export async function listProjects(reach: Connection): Promise<ListedProject[]> {
  const accessFailure = () => indexError(reach.url, reach.credentials.machine);
  const answer = await authorized({ ...reach, url: new URL("/projects.json", reach.url) }, accessFailure);
  if (withoutOrigin(answer.status)) throw disconnectedError(reach.url, answer.status);
  if (answer.status === 401 || answer.status === 403) throw accessFailure();
  try {
    if (answer.status !== 200) throw new Error(`it answers ${answer.status}`);
    const { projects } = JSON.parse(answer.body) as { projects: Record<string, unknown>[] };
    return projects.map(({ name, url, state }) => {
      const at = new URL(String(url));
      if (zone(at) !== zone(reach.url) || at.protocol !== reach.url.protocol)
        throw new Error(`${name} is elsewhere`);
      // The index names hostnames, and this may be another port of them.
      at.port = reach.url.port;
      return { name: String(name), url: at, state: String(state) };
    });
  } catch (error) {
    throw new UserError(
      "unreachable",
      reach.url.host,
      `${reach.url.host} is not the index of an opencode platform: ${(error as Error).message}.`,
      "Give the panel's URL with --platform (code.<domain>, unless it was set otherwise).",
    );
  }
}

/** How many letters tell two words apart. */
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

/** The names that somebody may have meant, best first. */
export function closest(name: string, names: readonly string[]): string[] {
  const near = (other: string) => (other.includes(name) || name.includes(other) ? 1 : distance(name, other));
  return names
    .filter((other) => near(other) <= Math.max(2, Math.floor(name.length / 3)))
    .sort((a, b) => near(a) - near(b))
    .slice(0, 3);
}

/** The project of a name. */
export function findProject(name: string, projects: readonly ListedProject[]): ListedProject {
  const found = projects.find((project) => project.name === name);
  if (found) return found;
  const near = closest(
    name,
    projects.map((project) => project.name),
  );
  const hint = near.length > 0 ? `Did you mean ${near.join(" or ")}?` : "The list: opencode-platform ls";
  throw new UserError("unknown", name, `There is no project ${name} that you may open.`, hint);
}
