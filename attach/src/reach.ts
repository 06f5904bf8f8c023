/** Requests to a project through Access, and the check that its server can be used. */
import { setTimeout as wait } from "node:timers/promises";
import {
  type Call,
  isUnexpectedAnswer,
  MAJORS,
  majorOf,
  type OpencodeApi,
  unsupportedHealth,
} from "../../opencode/api/index.ts";
import { accessError, isAccessDenied } from "./access.ts";
import type { Credentials } from "./credentials.ts";
import { UserError } from "./errors.ts";
import { type Agent, type Answer, fetchText, type Sent, withoutOrigin } from "./upstream.ts";

export interface Connection {
  readonly url: URL;
  readonly agent: Agent;
  readonly credentials: Credentials;
}

/** Sends a request, once more with a new token if Access refuses it. Throws `problem` if it is refused again. */
export async function authorized(
  { url, agent, credentials }: Connection,
  problem = (refused: "login" | "forbidden") => accessError(url, refused, credentials.machine),
  sent?: Sent,
): Promise<Answer> {
  for (let tries = 1; ; tries++) {
    const headers = await credentials.headers();
    const answer = await fetchText(url, agent, headers, sent);
    const refused = isAccessDenied(answer);
    if (!refused) return answer;
    if (tries > 1 || !(await credentials.renew(headers))) throw problem(refused);
  }
}

/** The error for an edge without a connection to the platform. */
export const disconnectedError = ({ host }: URL, status: number): UserError =>
  new UserError(
    "unreachable",
    host,
    `${host} returned ${status}: Cloudflare has no connection to the platform.`,
    "It may be restarting: try again in a minute, then ask an admin.",
  );

export const stoppedError = (project: string): UserError =>
  new UserError(
    "stopped",
    project,
    `${project} is stopped; its workspace is kept.`,
    "Set state: running in projects.yaml, or ask an admin to.",
  );

/** Sends an API call to a project. */
export const callProject = (reach: Connection, call: Call<unknown>): Promise<Answer> => {
  const url = new URL(`${reach.url.pathname.replace(/\/$/, "")}${call.path}`, reach.url);
  return authorized({ ...reach, url }, undefined, call);
};

/** Milliseconds for a project to start, and for the tunnel to reconnect. */
const START_TIMEOUT_MS = { starting: 120_000, away: 30_000 };
const RETRY_DELAY_MS = 2000;

export interface WaitOptions {
  /** Prints what it waits for. */
  readonly print: (line: string) => void;
  readonly timeouts?: typeof START_TIMEOUT_MS;
}

/** Milliseconds until a project that has been woken answers by itself. */
const AWAKE_DELAY_MS = 100;

/**
 * A path of the platform's own in every project, whatever its release and whatever it answers there: health checks and lists don't wake a project, and this
 * does.
 */
const AWAKE_PATH = "/_platform/awake";

type State = "starting" | "stopped" | "unknown" | "refused" | "untrusted" | "asleep" | "waking";

/** What the gateway returns instead of a project that is not serving. */
interface Notice {
  readonly state: State | undefined;
  readonly project: string;
  readonly text: string;
}

/** Reads a notice. Older platforms don't send the headers; the state is then read from the text. */
function readNotice({ status, headers, body }: Answer, { host }: URL): Notice {
  const text = headers["content-type"]?.startsWith("text/plain") ? body.trim() : "";
  const older = (): State | undefined => {
    if (status === 404 && text.startsWith("There is no such project")) return "unknown";
    if (status !== 503) return undefined;
    return / is stopped\./.test(text) ? "stopped" : / is starting\./.test(text) ? "starting" : undefined;
  };
  const state = (headers["x-opencode-state"] as State | undefined) ?? older();
  return { state, text, project: String(headers["x-opencode-project"] || `The project at ${host}`) };
}

/** The error for a notice that waiting does not resolve. */
function errorOf({ state, project }: Notice, url: URL): UserError | undefined {
  if (state === "unknown")
    return new UserError(
      "unknown",
      url.host,
      `No project has the URL ${url.href.replace(/\/$/, "")}.`,
      "List projects: opencode-platform ls",
    );
  if (state === "stopped") return stoppedError(project);
  if (state === "untrusted")
    return new UserError(
      "untrusted",
      project,
      `${project} has not been started: somebody has to look at what its repository brings first.`,
      `Open it in a browser: opencode-platform open ${project}`,
    );
  if (state === "refused")
    return new UserError(
      "unreachable",
      project,
      `${project} refused the request as coming from another site.`,
      "Ask an admin of the platform.",
    );
  return undefined;
}

/** Reads the response to an API call. @throws UnexpectedAnswer as the call does */
export const readAnswer = <Result>(call: Call<Result>, { status, headers, body }: Answer): Result =>
  call.read({ status, contentType: headers["content-type"], body });

/** The version of an unsupported opencode release; undefined if it is not opencode. @param seen responses, by their path */
async function unsupportedVersion(
  reach: Connection,
  seen: ReadonlyMap<string, Answer>,
): Promise<string | undefined> {
  for (const call of unsupportedHealth) {
    const answer = seen.get(call.path) ?? (await callProject(reach, call));
    try {
      return readAnswer(call, answer).version;
    } catch (error) {
      if (!isUnexpectedAnswer(error)) throw error;
    }
  }
  return undefined;
}

/** The supported majors, in words. */
const supported = (conjunction: string): string =>
  MAJORS.map(({ major }) => `${major}.x`).join(` ${conjunction} `);

/** The error for a server that answers as no supported major does. @param seen its responses, by their path */
async function unexpectedError(reach: Connection, seen: ReadonlyMap<string, Answer>): Promise<UserError> {
  const { host } = reach.url;
  const version = await unsupportedVersion(reach, seen);
  if (version === undefined)
    return new UserError(
      "unreachable",
      host,
      `${host} is not a project of an opencode platform: it does not answer as opencode ${supported("or")} does.`,
      "Use a project's name or URL. List projects: opencode-platform ls",
    );
  // 2.x moved its health call during its first releases.
  const isKnown = MAJORS.some(({ major }) => major === majorOf(version));
  return new UserError(
    "incompatible",
    host,
    isKnown
      ? `${host} runs opencode ${version}, and this program supports other releases of ${majorOf(version)}.x only.`
      : `${host} runs opencode ${version}, and this program supports opencode ${supported("and")} only.`,
    "Install the platform's release of opencode-platform, or open the project in the browser: opencode-platform open <project>",
  );
}

/** Wakes a project: the platform holds the request until it is awake. Undefined, or the notice why it is not. */
async function wake(reach: Connection): Promise<Notice | undefined> {
  const answer = await callProject(reach, { method: "GET", path: AWAKE_PATH, read: () => {} });
  const notice = readNotice(answer, reach.url);
  return notice.state === "asleep" || notice.state === "waking" ? notice : undefined;
}

/** A server's version, or a response to wait after, with the major whose health call got it. */
type Health = { readonly version: string } | { readonly answer: Answer; readonly api: OpencodeApi };

/**
 * Asks for the version as each major reports it, since a major answers another's health call with its page.
 * @param likely the major to try first. Default: the oldest, which is the default of projects
 */
async function askVersion(reach: Connection, likely: OpencodeApi | undefined): Promise<Health> {
  const seen = new Map<string, Answer>();
  for (const api of MAJORS.toSorted((a, b) => Number(b === likely) - Number(a === likely))) {
    const answer = await callProject(reach, api.health);
    // The platform answers for it, as its server would.
    if (readNotice(answer, reach.url).state === "asleep") return { answer, api };
    // A server that answered before is there: only a notice, or a server that is starting, is worth waiting for.
    const isAway = answer.status === 503 || withoutOrigin(answer.status);
    if (answer.status !== 200 && (seen.size === 0 || isAway || readNotice(answer, reach.url).state))
      return { answer, api };
    seen.set(api.health.path, answer);
    try {
      return readAnswer(api.health, answer);
    } catch (error) {
      if (!isUnexpectedAnswer(error)) throw error;
    }
  }
  throw await unexpectedError(reach, seen);
}

/**
 * The opencode release that a project runs, of any supported major. Waits while the project is starting.
 * @throws UserError if it is stopped, unknown, unsupported or not responding
 */
export async function serverVersion(
  reach: Connection,
  { print, timeouts = START_TIMEOUT_MS }: WaitOptions,
): Promise<string> {
  const { url } = reach;
  const began = Date.now();
  let likely: OpencodeApi | undefined;
  let delay = RETRY_DELAY_MS;
  for (let printed = ""; ; await wait(delay)) {
    const health = await askVersion(reach, likely);
    if ("version" in health) return health.version;
    const { answer } = health;
    likely = health.api;
    const notice = readNotice(answer, url);
    const problem = errorOf(notice, url);
    if (problem) throw problem;
    if (notice.state === "asleep" || notice.state === "waking") {
      const line = `${notice.project} was asleep; waking it …`;
      if (line !== printed) print(line);
      printed = line;
      const still = await wake(reach);
      if (still && Date.now() - began >= timeouts.starting) throw noAnswer(answer, still);
      delay = still ? RETRY_DELAY_MS : AWAKE_DELAY_MS;
      continue;
    }
    delay = RETRY_DELAY_MS;
    const away = withoutOrigin(answer.status);
    const limit = away ? timeouts.away : timeouts.starting;
    if (Date.now() - began >= limit)
      throw away ? disconnectedError(url, answer.status) : noAnswer(answer, notice);
    const line = away
      ? `${url.host} is not connected (${answer.status}): retrying for ${limit / 1000} s …`
      : `${notice.project} is starting: waiting up to ${limit / 60_000} minutes …`;
    if (line !== printed) print(line);
    printed = line;
  }
}

const noAnswer = ({ status }: Answer, { project, text }: Notice): UserError =>
  new UserError(
    "unreachable",
    project,
    `${project} is not responding: ${text || `status ${status}`}`,
    "Try again, or ask an admin of the platform.",
  );
