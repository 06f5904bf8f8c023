/** opencode 1.x, as of 1.18. */
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
  UnexpectedAnswer,
} from "./calls.ts";
import { agentsIn, created, fileNames, sessionsIn } from "./sessions.ts";
import type { Health, OpencodeApi, Session } from "./types.ts";

const MAJOR = 1;
const RELEASE = `opencode ${MAJOR}.x`;
const USER = "opencode";
/** Port inside the container. */
const PORT = 4096;

const json = (answer: Answer) => readJson(answer, RELEASE);

/** `{"healthy":true,"version":"1.18.0"}`. A 2.x server responds to this path with its page and status 200. */
function readHealth(answer: Answer): Health {
  const { healthy, version } = asMap(json(answer));
  if (healthy !== true || !isVersion(version))
    throw new UnexpectedAnswer(`does not report its health and version, so it is not ${RELEASE}`);
  if (majorOf(version) !== MAJOR) throw new UnexpectedAnswer(`runs opencode ${version}, not ${RELEASE}`);
  return { version };
}

const readSessions = (answer: Answer): Session[] => sessionsIn(json(answer));

/** Reads a string from a response's map. */
const readText = (key: string) => (answer: Answer) => {
  const value = asMap(json(answer))[key];
  if (typeof value !== "string") throw new UnexpectedAnswer(`answers without ${key}`);
  return value;
};

/** A created session or terminal. */
const readCreated = (answer: Answer): Session => created(json(answer));

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
    variables: [
      ...Object.keys(environment("")),
      "OPENCODE_CONFIG",
      "OPENCODE_CONFIG_CONTENT",
      "OPENCODE_CONFIG_DIR",
    ],
    database: sqliteFiles(".local/share/opencode/opencode.db"),
    npmPackage: (processor) => `opencode-linux-${processor}`,
  },

  activityQuery: "SELECT max(time_updated) AS at FROM session",

  descriptionPath: "/doc",
  settingsSchema: "Config",

  authorization: (password) => `Basic ${Buffer.from(`${USER}:${password}`).toString("base64")}`,

  health: get("/global/health", readHealth),

  sessions: (limit) => get(`/session?limit=${limit}`, readSessions),
  createSession: (title) => post("/session", title === undefined ? {} : { title }, readCreated),
  prompt: (session, text) => post(`${sessionPath(session)}/prompt_async`, textParts(text), readNothing),
  exchange: (session, text) => [
    post(`${sessionPath(session)}/message`, textParts(text), (answer) => JSON.stringify(json(answer))),
  ],
  busy: get("/session/status", (answer) =>
    Object.entries(asMap(json(answer))).flatMap(([id, status]) =>
      asMap(status).type === "idle" ? [] : [id],
    ),
  ),

  eventsPath: "/event",
  // `/global/event` is the stream for all directories, used by the terminal client.
  isEventStream: (path) => /\/event(\?|$)/.test(path),
  asleep: {
    streams: ["/event", "/global/event", "/api/event"],
    // The page every 10 seconds: it asks for the health of both majors.
    polls: ["/global/health", "/api/health"],
    lists: ["/session", "/session/status", "/api/session", "/api/session/active", "/permission", "/question"],
  },
  createdTitle(event) {
    const { type, properties } = asMap(event);
    const { title } = asMap(asMap(properties).info);
    return type === "session.created" && typeof title === "string" ? title : undefined;
  },
  isConnected: (event) => asMap(event).type === "server.connected",

  createTerminal: (command, args = []) =>
    post("/pty", args.length > 0 ? { command, args } : { command }, (answer) => readCreated(answer).id),
  terminalPath: (id) => `${terminalPath(id)}/connect?cursor=0`,
  removeTerminal: (id) => remove(terminalPath(id)),

  directory: get("/path", readText("directory")),
  readFile: (path) => get(`/file/content?path=${encodeURIComponent(path)}`, readText("content")),
  listFiles: (path) => get(`/file?path=${encodeURIComponent(path)}`, (answer) => fileNames(json(answer))),
  settings: get("/config", (answer) => asMap(json(answer))),
  agents: get("/agent", (answer) =>
    agentsIn(json(answer), { name: "name", rules: "permission", tool: "permission", effect: "action" }),
  ),
  reload: (directory) =>
    post(`/instance/dispose?directory=${encodeURIComponent(directory)}`, undefined, readNothing),

  // `/` lists the directories opened before, so it is empty at first.
  pagePath: (directory) => `${Buffer.from(directory).toString("base64url")}/session`,

  terminal: {
    npmPackage: "opencode-ai",
    executable: "opencode",
    versionArgs: ["--version"],
    needsSession: false,
    args: (url, more = []) => ["attach", url, ...more],
    environment,
  },

  configuration: (model) => ({
    $schema: "https://opencode.ai/config.json",
    ...(model ? { model } : {}),
  }),

  builtInAgents: ["build", "plan", "general", "explore"],

  enforced: ({ share }) => ({
    // The image is pinned; a server that updates itself would undo that.
    autoupdate: false,
    // Sharing puts a conversation on a public server, so a team has to opt in.
    share: share ?? "disabled",
  }),
  enforcedBy: { file: "/etc/opencode/opencode.json" },
};
