import type { Call } from "./calls.ts";

/** The JSON of opencode's configuration. */
export type OpencodeConfig = Record<string, unknown>;

/** A healthy server. */
export interface Health {
  /** Its version, such as `1.18.0`. */
  readonly version: string;
}

/** A conversation in the API's list. */
export interface Session {
  readonly id: string;
  /**
   * When it was last used, or created, in milliseconds since 1970; absent if the server does not report it.
   */
  readonly usedAt?: number;
  readonly title?: string;
}

/** What an agent may do without asking; the last rule that matches a tool's call counts. */
export interface AgentRules {
  readonly name: string;
  readonly rules: readonly { readonly tool: string; readonly effect: string }[];
}

/** How far a server has got with migrating the sessions of an older major. */
export type Migration =
  | { readonly state: "done" }
  | { readonly state: "failed"; readonly reason: string }
  | { readonly state: "running"; readonly done?: number; readonly total?: number };

/** Processors that opencode is published for; `x64-baseline` is for those without AVX2. */
export type Processor = "x64" | "x64-baseline" | "arm64";

/** The program that connects a terminal to a server. */
export interface TerminalClient {
  /** Its npm package. */
  readonly npmPackage: string;
  /** Its name in PATH. */
  readonly executable: string;
  /** Arguments that print its version, and no other three numbers with dots. */
  readonly versionArgs: readonly string[];
  /**
   * Whether it opens a server in a directory of the machine that it runs on, unless it is given a session: then
   * `args` needs one.
   */
  readonly needsSession: boolean;
  /** Arguments to open a server. @param more the user's own arguments @param session the session to open */
  args(url: string, more?: readonly string[], session?: string): readonly string[];
  /** Variables for the server's password, to keep it out of the arguments. */
  environment(password: string): Readonly<Record<string, string>>;
}

/** Requests that open pages and terminal clients, or programs, send without anybody doing anything. */
export interface Asleep {
  /** Event streams. */
  readonly streams: readonly string[];
  /** What a page or a terminal client that is open asks for by itself, with GET or HEAD. */
  readonly polls: readonly string[];
  /** What programs ask for again and again, and a page only when somebody looks. */
  readonly lists: readonly string[];
}

/** The API of a major of opencode. */
export interface OpencodeApi {
  /** The major of its releases. */
  readonly major: number;

  /**
   * The server in a project's container. The image's entrypoint and health check have the same values; a test
   * compares them.
   */
  readonly server: {
    /** Port inside the container. */
    readonly port: number;
    /** The command that starts it. */
    readonly command: readonly string[];
    /** Variables that make it require a password. */
    environment(password: string): Readonly<Record<string, string>>;
    /** Variable with the path of the platform's configuration file, which a repository's own overrides. */
    readonly configVariable: string;
    /** Every variable by which it is reached or configured: people can't set these. */
    readonly variables: readonly string[];
    /** Files of its database, relative to the home directory. To be copied together, while it is stopped. */
    readonly database: readonly string[];
    /** npm package of its program. */
    npmPackage(processor: Processor): string;
  };

  /**
   * SQL that reads from the first of `server.database` when a session was last used: `at`, in milliseconds since
   * 1970, or null. Looking there starts nothing in the project, which a call of the API does.
   */
  readonly activityQuery: string;

  /** Path of the server's own OpenAPI description, which a test compares with the calls below. */
  readonly descriptionPath: string;
  /** Name of the schema of its settings (`opencode.json`) in that description. */
  readonly settingsSchema: string;

  /** Value of the Authorization header. */
  authorization(password: string): string;

  /** Whether the server can be used, and its version. Starts nothing in the project. */
  readonly health: Call<Health>;

  /** The last used sessions, in any order. @param limit their maximum number */
  sessions(limit: number): Call<readonly Session[]>;
  /** Starts a session. */
  createSession(title?: string): Call<Session>;
  /** Sends a prompt without waiting for its answer, which arrives on the event stream. */
  prompt(session: string, text: string): Call<void>;
  /** Calls to make in this order: they send a prompt, wait, and the last returns the answer, as JSON text. */
  exchange(session: string, text: string): readonly [...Call<void>[], Call<string>];
  /** Ids of the sessions in which the agent is working. */
  readonly busy: Call<readonly string[]>;
  /** The migration of an older major's sessions; absent where there is none. */
  readonly migration?: Call<Migration>;

  /** Path of the event stream (SSE) of the server's workspace. */
  readonly eventsPath: string;
  /** Whether a path, with any prefix, is an event stream. */
  isEventStream(path: string): boolean;
  /** What a sleeping project sleeps through; all other requests wake it. Exact paths. */
  readonly asleep: Asleep;
  /** Title of the session that an event reports as created; undefined for other events. */
  createdTitle(event: unknown): string | undefined;
  /** Whether an event is the first of a stream. */
  isConnected(event: unknown): boolean;

  /** Starts a terminal in the project; returns its id. */
  createTerminal(command: string, args?: readonly string[]): Call<string>;
  /** Path of a terminal's WebSocket. */
  terminalPath(id: string): string;
  removeTerminal(id: string): Call<void>;

  /** The server's working directory. */
  readonly directory: Call<string>;
  /** A text file's content. @param path relative to that directory */
  readFile(path: string): Call<string>;
  /** Names of the files and folders in a folder. @param path relative to that directory */
  listFiles(path: string): Call<readonly string[]>;
  /** The settings in effect, of the platform's files and the repository's. */
  readonly settings: Call<OpencodeConfig>;
  /** The agents in effect, each with its permissions. */
  readonly agents: Call<readonly AgentRules[]>;
  /** Reloads a directory and its configuration. */
  reload(directory: string): Call<void>;

  /**
   * Path of a directory's page, without a leading slash; undefined where only sessions have an address. The
   * image then has a page that opens the newest session (`opencode/rootfs`, open.html).
   */
  pagePath(directory: string): string | undefined;

  readonly terminal: TerminalClient;

  /**
   * The platform's own configuration, which an entry's may override. @param model as provider/model. Default:
   * opencode's own choice
   */
  configuration(model?: string): OpencodeConfig;

  /** Names of the agents that opencode brings and a repository can change. */
  readonly builtInAgents: readonly string[];

  /**
   * The platform's own settings that no settings file of a repository overrides. @param config the entry's own, which can change
   * some
   */
  enforced(config: OpencodeConfig): OpencodeConfig;
  /** How the server gets them: in a file of root's, or in a variable. */
  readonly enforcedBy: { readonly file: string } | { readonly variable: string };
}
