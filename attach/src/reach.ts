/** Requests to a project through Access, and the check that its server can be used. */
import { setTimeout as wait } from "node:timers/promises";
import { type Call, isUnexpectedAnswer, projectApi, unsupportedHealth } from "../../opencode/api/index.ts";
import { accessError, isAccessDenied } from "./access.ts";
import type { Credentials } from "./credentials.ts";
import { UserError } from "./errors.ts";
import { type Agent, type Answer, fetchText, withoutOrigin } from "./upstream.ts";

export interface Connection {
  readonly url: URL;
  readonly agent: Agent;
  readonly credentials: Credentials;
}

/** Sends a request, once more with a new token if Access refuses it. Throws `problem` if it is refused again. */
export async function authorized(
  { url, agent, credentials }: Connection,
  problem = (refused: "login" | "forbidden") => accessError(url, refused, credentials.machine),
): Promise<Answer> {
  for (let tries = 1; ; tries++) {
    const headers = await credentials.headers();
    const answer = await fetchText(url, agent, headers);
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

/** The URL of an API call to a project. */
export const callUrl = (project: URL, { path }: Pick<Call<unknown>, "path">): URL =>
  new URL(`${project.pathname.replace(/\/$/, "")}${path}`, project);

/** Milliseconds for a project to start, and for the tunnel to reconnect. */
const START_TIMEOUT_MS = { starting: 120_000, away: 30_000 };
const RETRY_DELAY_MS = 2000;

export interface WaitOptions {
  /** Prints what it waits for. */
  readonly print: (line: string) => void;
  readonly timeouts?: typeof START_TIMEOUT_MS;
}

type State = "starting" | "stopped" | "unknown" | "refused";

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
  if (state === "refused")
    return new UserError(
      "unreachable",
      project,
      `${project} refused the request as coming from another site.`,
      "Ask an admin of the platform.",
    );
  return undefined;
}

const read = <Result>(call: Call<Result>, { status, headers, body }: Answer): Result =>
  call.read({ status, contentType: headers["content-type"], body });

/** The version of an unsupported opencode release; undefined if it is not opencode. */
async function unsupportedVersion(reach: Connection): Promise<string | undefined> {
  for (const call of unsupportedHealth) {
    const answer = await authorized({ ...reach, url: callUrl(reach.url, call) });
    try {
      return read(call, answer).version;
    } catch (error) {
      if (!isUnexpectedAnswer(error)) throw error;
    }
  }
  return undefined;
}

/** The error for a server that does not answer as `projectApi` expects. */
async function unexpectedError(reach: Connection, reason: string): Promise<UserError> {
  const { host } = reach.url;
  const version = await unsupportedVersion(reach);
  if (version === undefined)
    return new UserError(
      "unreachable",
      host,
      `${host} is not a project of an opencode platform: it ${reason}.`,
      "Use a project's name or URL. List projects: opencode-platform ls",
    );
  return new UserError(
    "incompatible",
    host,
    `${host} runs opencode ${version}, and this program supports opencode ${projectApi.major}.x only.`,
    "Install the platform's release of opencode-platform, or open the project in the browser: opencode-platform open <project>",
  );
}

/**
 * The opencode release that a project runs. Waits while the project is starting.
 * @throws UserError if it is stopped, unknown, unsupported or not responding
 */
export async function serverVersion(
  reach: Connection,
  { print, timeouts = START_TIMEOUT_MS }: WaitOptions,
): Promise<string> {
  const { url } = reach;
  const began = Date.now();
  for (let printed = ""; ; await wait(RETRY_DELAY_MS)) {
    const answer = await authorized({ ...reach, url: callUrl(url, projectApi.health) });
    if (answer.status === 200)
      try {
        return read(projectApi.health, answer).version;
      } catch (error) {
        if (!isUnexpectedAnswer(error)) throw error;
        throw await unexpectedError(reach, error.message);
      }
    const notice = readNotice(answer, url);
    const problem = errorOf(notice, url);
    if (problem) throw problem;
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
