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

/** The program that connects a terminal to a server. */
export interface TerminalClient {
  /** Its npm package. */
  readonly npmPackage: string;
  /** Its name in PATH. */
  readonly executable: string;
  /** Arguments that print its version, and no other three numbers with dots. */
  readonly versionArgs: readonly string[];
  /** Arguments to open a server. @param more the user's own arguments */
  args(url: string, more?: readonly string[]): readonly string[];
  /** Variables for the server's password, to keep it out of the arguments. */
  environment(password: string): Readonly<Record<string, string>>;
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
    /** Variable with the path of the platform's configuration file. */
    readonly configVariable: string;
  };

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
  /** Sends a prompt and waits for its answer, as JSON text. */
  promptAndWait(session: string, text: string): Call<string>;

  /** Path of the event stream (SSE) of the server's workspace. */
  readonly eventsPath: string;
  /** Whether a path, with any prefix, is an event stream. */
  isEventStream(path: string): boolean;
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
  /** Reloads a directory and its configuration. */
  reload(directory: string): Call<void>;

  /** Path of a directory's page, without a leading slash. */
  pagePath(directory: string): string;

  readonly terminal: TerminalClient;

  /**
   * The platform's own configuration, which an entry's may override. @param model as provider/model. Default:
   * opencode's own choice
   */
  configuration(model?: string): OpencodeConfig;
}
