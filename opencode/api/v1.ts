/** opencode 1.x, as of 1.18. */
import { type Answer, asMap, type Call, majorOf, readJson, UnexpectedAnswer } from "./calls.ts";
import type { Health, OpencodeApi, Session } from "./types.ts";

const MAJOR = 1;
const RELEASE = `opencode ${MAJOR}.x`;
const USER = "opencode";
/** Port inside the container. */
const PORT = 4096;

const json = (answer: Answer) => readJson(answer, RELEASE);

const get = <Result>(path: string, read: (answer: Answer) => Result): Call<Result> => ({
  method: "GET",
  path,
  read,
});

const post = <Result>(path: string, body: unknown, read: (answer: Answer) => Result): Call<Result> => ({
  method: "POST",
  path,
  ...(body === undefined ? {} : { body }),
  read,
});

/** Reads a response that only has a status. */
function readNothing({ status }: Answer): void {
  if (status < 200 || status > 299) throw new UnexpectedAnswer(`answers with status ${status}`);
}

/** `{"healthy":true,"version":"1.18.0"}`. A 2.x server responds to this path with its page and status 200. */
function readHealth(answer: Answer): Health {
  const { healthy, version } = asMap(json(answer));
  if (healthy !== true || typeof version !== "string" || !/^\d+\.\d+\.\d+/.test(version))
    throw new UnexpectedAnswer(`does not report its health and version, so it is not ${RELEASE}`);
  if (majorOf(version) !== MAJOR) throw new UnexpectedAnswer(`runs opencode ${version}, not ${RELEASE}`);
  return { version };
}

function toSession(value: unknown): Session {
  const { id, time, title } = asMap(value);
  const { updated, created } = asMap(time);
  const usedAt = updated ?? created;
  return {
    id: String(id ?? ""),
    ...(typeof usedAt === "number" && Number.isFinite(usedAt) ? { usedAt } : {}),
    ...(typeof title === "string" ? { title } : {}),
  };
}

function readSessions(answer: Answer): Session[] {
  const sessions = json(answer);
  if (!Array.isArray(sessions)) throw new UnexpectedAnswer("answers no list of sessions");
  return sessions.map(toSession);
}

/** Reads a string from a response's map. */
const readText = (key: string) => (answer: Answer) => {
  const value = asMap(json(answer))[key];
  if (typeof value !== "string") throw new UnexpectedAnswer(`answers without ${key}`);
  return value;
};

/** A created session or terminal. */
function readCreated(answer: Answer): Session {
  const created = toSession(json(answer));
  if (created.id === "") throw new UnexpectedAnswer("answers without an id");
  return created;
}

const textParts = (text: string) => ({ parts: [{ type: "text", text }] });
const sessionPath = (id: string) => `/session/${encodeURIComponent(id)}`;
const terminalPath = (id: string) => `/pty/${encodeURIComponent(id)}`;

const environment = (password: string) => ({
  OPENCODE_SERVER_USERNAME: USER,
  OPENCODE_SERVER_PASSWORD: password,
});

export const v1: OpencodeApi = {
  major: MAJOR,

  server: {
    port: PORT,
    command: ["opencode", "serve", "--hostname", "0.0.0.0", "--port", String(PORT)],
    environment,
    configVariable: "OPENCODE_CONFIG",
  },

  authorization: (password) => `Basic ${Buffer.from(`${USER}:${password}`).toString("base64")}`,

  health: get("/global/health", readHealth),

  sessions: (limit) => get(`/session?limit=${limit}`, readSessions),
  createSession: (title) => post("/session", title === undefined ? {} : { title }, readCreated),
  prompt: (session, text) => post(`${sessionPath(session)}/prompt_async`, textParts(text), readNothing),
  promptAndWait: (session, text) =>
    post(`${sessionPath(session)}/message`, textParts(text), (answer) => JSON.stringify(json(answer))),

  eventsPath: "/event",
  // `/global/event` is the stream for all directories, used by the terminal client.
  isEventStream: (path) => /\/event(\?|$)/.test(path),
  createdTitle(event) {
    const { type, properties } = asMap(event);
    const { title } = asMap(asMap(properties).info);
    return type === "session.created" && typeof title === "string" ? title : undefined;
  },
  isConnected: (event) => asMap(event).type === "server.connected",

  createTerminal: (command, args = []) =>
    post("/pty", args.length > 0 ? { command, args } : { command }, (answer) => readCreated(answer).id),
  terminalPath: (id) => `${terminalPath(id)}/connect?cursor=0`,
  removeTerminal: (id) => ({ method: "DELETE", path: terminalPath(id), read: readNothing }),

  directory: get("/path", readText("directory")),
  readFile: (path) => get(`/file/content?path=${encodeURIComponent(path)}`, readText("content")),
  reload: (directory) =>
    post(`/instance/dispose?directory=${encodeURIComponent(directory)}`, undefined, readNothing),

  // `/` lists the directories opened before, so it is empty at first.
  pagePath: (directory) => `${Buffer.from(directory).toString("base64url")}/session`,

  terminal: {
    npmPackage: "opencode-ai",
    executable: "opencode",
    versionArgs: ["--version"],
    args: (url, more = []) => ["attach", url, ...more],
    environment,
  },

  configuration: (model) => ({
    $schema: "https://opencode.ai/config.json",
    // The image is pinned; a server that updates itself would undo that.
    autoupdate: false,
    // Sharing puts a conversation on a public server, so a team has to opt in.
    share: "disabled",
    ...(model ? { model } : {}),
  }),
};
