/** The way to a project: one request past Access, and whether its server can be used. */
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

/** One answer, with a new token where the first is refused. Throws what `problem` makes of a refusal that stays. */
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

/** What it means that the edge has no way to the platform. */
export const disconnectedError = ({ host }: URL, status: number): UserError =>
  new UserError(
    "unreachable",
    host,
    `${host} answers ${status}: Cloudflare has no connection to the platform's server.`,
    "It may be restarting: try again in a minute. If it stays, tell whoever runs the platform.",
  );

export const stoppedError = (project: string): UserError =>
  new UserError(
    "stopped",
    project,
    `${project} is stopped; its workspace is kept.`,
    "Ask for state: running in projects.yaml.",
  );

/** Where a call goes, below a project's URL. */
export const callUrl = (project: URL, { path }: Pick<Call<unknown>, "path">): URL =>
  new URL(`${project.pathname.replace(/\/$/, "")}${path}`, project);

/** Milliseconds for a project to start, and for a server to be connected again. */
const START_TIMEOUT_MS = { starting: 120_000, away: 30_000 };
const PAUSE = 2000;

export interface WaitOptions {
  /** Told once, in a line, of what is waited for. */
  readonly print: (line: string) => void;
  readonly patience?: typeof START_TIMEOUT_MS;
}

type State = "starting" | "stopped" | "unknown" | "refused";

/** What the platform says in a project's place. */
interface Notice {
  readonly state: State | undefined;
  readonly project: string;
  readonly text: string;
}

/** Reads the platform's notice; one that is older than its headers says its state in its text alone. */
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

/** What a person has to mend, where waiting does not. */
function errorOf({ state, project }: Notice, url: URL): UserError | undefined {
  if (state === "unknown")
    return new UserError(
      "unknown",
      url.host,
      `No project has the URL ${url.href.replace(/\/$/, "")}.`,
      "The list: opencode-platform ls",
    );
  if (state === "stopped") return stoppedError(project);
  if (state === "refused")
    return new UserError(
      "unreachable",
      project,
      `${project} takes this program's requests for those of another site's page.`,
      "Tell whoever runs the platform.",
    );
  return undefined;
}

/** Reads an answer of a call. */
const read = <Result>(call: Call<Result>, { status, headers, body }: Answer): Result =>
  call.read({ status, contentType: headers["content-type"], body });

/** The version of a server that does not answer as a supported release does; undefined where nothing reports one. */
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

/** What it means that a server does not answer as `projectApi` expects. */
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
    "Install the opencode-platform of the platform's own release, or open the project in the browser: opencode-platform open <project>",
  );
}

/**
 * The release that a project's server runs. Waits for one that is starting.
 * @throws UserError for what a person has to fix
 */
export async function serverVersion(
  reach: Connection,
  { print, patience = START_TIMEOUT_MS }: WaitOptions,
): Promise<string> {
  const { url } = reach;
  const began = Date.now();
  for (let said = ""; ; await wait(PAUSE)) {
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
    const limit = away ? patience.away : patience.starting;
    if (Date.now() - began >= limit)
      throw away ? disconnectedError(url, answer.status) : noAnswer(answer, notice);
    const line = away
      ? `${url.host} is not connected (${answer.status}): trying again for ${limit / 1000} s …`
      : `${notice.project} is starting: waiting up to ${limit / 60_000} minutes …`;
    if (line !== said) print(line);
    said = line;
  }
}

const noAnswer = ({ status }: Answer, { project, text }: Notice): UserError =>
  new UserError(
    "unreachable",
    project,
    `${project} does not answer: ${text || `status ${status}`}`,
    "Try again, or tell whoever runs the platform.",
  );
