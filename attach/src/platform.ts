/** The platform's projects: which there are, and whether one can be used. */
import { setTimeout as wait } from "node:timers/promises";
import type { Credentials } from "./credentials.ts";
import { AttachError } from "./errors.ts";
import { accessProblem } from "./proxy.ts";
import { type Agent, type Answer, ask, refusedByAccess, withoutOrigin } from "./upstream.ts";

export interface Project {
  readonly name: string;
  readonly url: URL;
  readonly state: string;
}

export interface Reach {
  readonly url: URL;
  readonly agent: Agent;
  readonly credentials: Credentials;
}

/** One answer, with a new token where the first is refused. */
async function authorized({ url, agent, credentials }: Reach): Promise<Answer> {
  for (let tries = 1; ; tries++) {
    const headers = await credentials.headers();
    const answer = await ask(url, agent, headers);
    const refused = refusedByAccess(answer);
    if (!refused) return answer;
    if (tries > 1 || !(await credentials.renew(headers)))
      throw accessProblem(url, refused, credentials.machine);
  }
}

const loopback = ({ hostname }: URL) => /^(localhost|127\.0\.0\.1|\[::1\]|.+\.localhost)$/.test(hostname);

/** Whether requests go no further than this machine, so that there is no login. */
export const isLocal = loopback;

/** A URL that a token may be sent to. */
export function readUrl(text: string): URL {
  const url = URL.parse(/^[a-z]+:\/\//i.test(text) ? text : `https://${text}`);
  if (!url || !["https:", "http:"].includes(url.protocol) || url.username || url.password)
    throw new AttachError(
      "usage",
      `${text} is not the URL of a platform.`,
      "Give one like https://code.example.com.",
    );
  if (url.protocol === "http:" && !loopback(url))
    throw new AttachError("usage", `${url.origin} is not encrypted.`, `Use https://${url.host}.`);
  return url;
}

/** All of a hostname below its first label; nothing of an index may lead elsewhere with a token. */
const zone = ({ hostname }: URL) => hostname.split(".").slice(1).join(".");

/** Reads the platform's index. */
export async function listProjects(reach: Reach): Promise<Project[]> {
  const answer = await authorized({ ...reach, url: new URL("/projects.json", reach.url) });
  if (withoutOrigin(answer.status)) throw disconnected(reach.url, answer.status);
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
    throw new AttachError(
      "unreachable",
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
export function findProject(name: string, projects: readonly Project[]): Project {
  const found = projects.find((project) => project.name === name);
  if (found) return found;
  const near = closest(
    name,
    projects.map((project) => project.name),
  );
  const hint = near.length > 0 ? `Did you mean ${near.join(" or ")}?` : "The list: opencode-platform ls";
  throw new AttachError("unknown", `There is no project ${name}.`, hint);
}

const disconnected = (url: URL, status: number) =>
  new AttachError(
    "unreachable",
    `${url.host} answers ${status}: Cloudflare has no connection to the platform's server.`,
    "It may be restarting: try again in a minute. If it stays, tell whoever runs the platform.",
  );

/** Milliseconds that a project may take to start. */
const START = 90_000;

/** What a project's server says of itself: its version. Waits for one that is starting; throws for what a person has to mend. */
export async function serverVersion(reach: Reach, patience = START): Promise<string | undefined> {
  const { url } = reach;
  const health = new URL(`${url.pathname.replace(/\/$/, "")}/global/health`, url);
  for (const until = Date.now() + patience; ; await wait(2000)) {
    const { status, headers, body } = await authorized({ ...reach, url: health });
    if (status === 200) return (JSON.parse(body) as { version?: string }).version;
    if (withoutOrigin(status) && Date.now() > until) throw disconnected(url, status);
    const notice = headers["content-type"]?.startsWith("text/plain") ? body.trim() : "";
    if (status === 404 && notice.startsWith("There is no such project"))
      throw new AttachError(
        "unknown",
        `No project has the URL ${url.origin}.`,
        "The list: opencode-platform ls",
      );
    if (status === 503 && / is stopped\./.test(notice))
      throw new AttachError(
        "stopped",
        `The project at ${url.host} is stopped.`,
        "Ask for state: running in projects.yaml.",
      );
    if (Date.now() > until)
      throw new AttachError(
        "unreachable",
        `The project at ${url.host} does not answer: ${notice || `status ${status}`}`,
        "Try again, or tell whoever runs the platform.",
      );
  }
}
