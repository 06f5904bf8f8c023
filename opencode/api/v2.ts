/** opencode 2.x, as of 2.0.14. */
import {
  type Answer,
  asMap,
  get,
  isVersion,
  majorOf,
  post,
  readJson,
  readNothing,
  remove,
  sqliteFiles,
  textOf,
  UnexpectedAnswer,
} from "./calls.ts";
import { agentsIn, created, fileNames, sessionsIn } from "./sessions.ts";
import type { Health, Migration, OpencodeApi, OpencodeConfig, Session } from "./types.ts";

const MAJOR = 2;
const RELEASE = `opencode ${MAJOR}.x`;
/** Fixed by the server. */
const USER = "opencode";
/** Port inside the container. */
const PORT = 4096;

const json = (answer: Answer) => readJson(answer, RELEASE);
const data = (answer: Answer) => asMap(json(answer)).data;

/** `{"version":"2.0.14","pid":1,"urls":[…],"paths":{…}}`; 503 while it is starting, 401 without the password. */
function readHealth(answer: Answer): Health {
  const { version } = asMap(json(answer));
  if (!isVersion(version)) throw new UnexpectedAnswer(`does not report its version, so it is not ${RELEASE}`);
  if (majorOf(version) !== MAJOR) throw new UnexpectedAnswer(`runs opencode ${version}, not ${RELEASE}`);
  return { version };
}

const readSessions = (answer: Answer): Session[] => sessionsIn(data(answer));

/** The whole of a response that is not JSON. */
function readText({ status, body }: Answer): string {
  if (status !== 200) throw new UnexpectedAnswer(`answers with status ${status}`);
  return body;
}

/** The server migrates the sessions of 1.x when it first starts. */
function readMigration(answer: Answer): Migration {
  const { status, error, progress } = asMap(json(answer));
  if (status === "error") return { state: "failed", reason: textOf(error) || "no reason given" };
  if (status === "completed") return { state: "done" };
  if (status !== "running" && status !== "required")
    throw new UnexpectedAnswer("does not report its migration");
  const { numerator, denominator } = asMap(progress);
  return {
    state: "running",
    ...(typeof numerator === "number" ? { done: numerator } : {}),
    ...(typeof denominator === "number" ? { total: denominator } : {}),
  };
}

/** Files of settings, those read later after those that they override. */
function readSettings(answer: Answer): OpencodeConfig {
  const documents = json(answer);
  if (!Array.isArray(documents)) throw new UnexpectedAnswer("answers no list of settings");
  return Object.assign({}, ...documents.map((document) => asMap(asMap(document).info)));
}

const readCreated = (answer: Answer): Session => created(data(answer));
const sessionPath = (id: string) => `/api/session/${encodeURIComponent(id)}`;
const terminalPath = (id: string) => `/api/pty/${encodeURIComponent(id)}`;
const promptCall = (session: string, text: string) =>
  post(`${sessionPath(session)}/prompt`, { text }, readNothing);

export const v2: OpencodeApi = {
  major: MAJOR,

  server: {
    port: PORT,
    command: ["opencode", "serve", "--hostname", "0.0.0.0", "--port", String(PORT)],
    // OPENCODE_PASSWORD would win over 1.x's name; both are reserved.
    environment: (password) => ({ OPENCODE_PASSWORD: password }),
    configVariable: "OPENCODE_CONFIG",
    variables: [
      "OPENCODE_PASSWORD",
      "OPENCODE_SERVER_PASSWORD",
      "OPENCODE_SERVER_USERNAME",
      "OPENCODE_CONFIG",
      "OPENCODE_CONFIG_CONTENT",
      "OPENCODE_CONFIG_DIR",
      "OPENCODE_DISABLE_PROJECT_CONFIG",
    ],
    database: sqliteFiles(".local/share/opencode/opencode.db"),
    npmPackage: (processor) => `@opencode/cli-linux-${processor}`,
  },

  activityQuery: "SELECT max(time_updated) AS at FROM session_v2",

  descriptionPath: "/openapi.json",
  settingsSchema: "Config.InfoEncoded",

  authorization: (password) => `Basic ${Buffer.from(`${USER}:${password}`).toString("base64")}`,

  health: get("/api/info", readHealth),

  sessions: (limit) => get(`/api/session?limit=${limit}&order=desc&parentID=null`, readSessions),
  createSession: (title) => post("/api/session", title === undefined ? {} : { title }, readCreated),
  prompt: promptCall,
  exchange: (session, text) => [
    promptCall(session, text),
    post(`/api/experimental/session/${encodeURIComponent(session)}/wait`, undefined, readNothing),
    get(`${sessionPath(session)}/message?limit=10&order=desc`, (answer) => JSON.stringify(data(answer))),
  ],
  busy: get("/api/session/active", (answer) => Object.keys(asMap(data(answer)))),
  migration: get("/api/experimental/migration/v1", readMigration),

  eventsPath: "/api/event",
  isEventStream: (path) => /\/event(\?|$)/.test(path),
  asleep: {
    streams: ["/api/event"],
    // The page every 10 seconds; its settings once, when its stream is cut; and its service worker, when that has not been compared for a day.
    polls: ["/api/info", "/api/config", "/sw.js"],
    lists: [
      "/api/session",
      "/api/session/active",
      "/api/permission/request",
      "/api/form",
      "/api/health",
      "/api/status",
    ],
  },
  createdTitle(event) {
    const { type, data } = asMap(event);
    const { title } = asMap(data);
    return type === "session.created" && typeof title === "string" ? title : undefined;
  },
  isConnected: (event) => asMap(event).type === "server.connected",

  createTerminal: (command, args = []) =>
    post(
      "/api/pty",
      args.length > 0 ? { command, args: [...args] } : { command },
      (answer) => readCreated(answer).id,
    ),
  terminalPath: (id) => `${terminalPath(id)}/connect?cursor=0`,
  removeTerminal: (id) => remove(terminalPath(id)),

  directory: get("/api/location", (answer) => {
    const { directory } = asMap(json(answer));
    if (typeof directory !== "string") throw new UnexpectedAnswer("answers without directory");
    return directory;
  }),
  readFile: (path) => get(`/api/fs/read/${path.split("/").map(encodeURIComponent).join("/")}`, readText),
  listFiles: (path) =>
    get(`/api/fs/list?path=${encodeURIComponent(path)}`, (answer) => fileNames(data(answer))),
  settings: get("/api/config", readSettings),
  agents: get("/api/agent", (answer) =>
    agentsIn(data(answer), { name: "id", rules: "permissions", tool: "action", effect: "effect" }),
  ),
  // Reloads the server's own directory; it has no other.
  reload: () => post("/api/location/reload", undefined, readNothing),

  pagePath: () => undefined,

  terminal: {
    npmPackage: "@opencode/cli",
    executable: "opencode",
    versionArgs: ["--version"],
    needsSession: true,
    args: (url, more = [], session) => [
      "--server",
      url,
      ...(session === undefined ? [] : ["--session", session]),
      ...more,
    ],
    environment: (password) => ({
      OPENCODE_PASSWORD: password,
      // Else a new session would be in the directory that the client runs in, on the server.
      OPENCODE_CLI_CONFIG_CONTENT: '{"session":{"new_location":"inherit"}}',
    }),
  },

  configuration: (model) => ({
    $schema: "https://opencode.ai/config.json",
    ...(model ? { model } : {}),
  }),

  builtInAgents: ["build", "plan", "general", "explore"],

  enforced: ({ share }) => ({
    // The image is pinned; a server that updates itself would undo that.
    update: "disable",
    // Sharing puts a conversation on a public server, so a team has to opt in.
    share: share ?? "disabled",
  }),
  enforcedBy: { variable: "OPENCODE_CONFIG_CONTENT" },
};
