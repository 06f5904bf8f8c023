import type { Call } from "./calls.ts";

/** The JSON that opencode reads as its configuration. */
export type OpencodeConfig = Record<string, unknown>;

/** A server that can be used. */
export interface Health {
  /** Its release, such as `1.18.0`. */
  readonly version: string;
}

/** A conversation, as the API lists it. */
export interface Session {
  readonly id: string;
  /** When it was last used, or else made, in milliseconds since 1970; absent where the server does not say. */
  readonly usedAt?: number;
  readonly title?: string;
}

/** The program by which a terminal joins a server. */
export interface TerminalClient {
  /** Its npm package. */
  readonly npmPackage: string;
  /** Its name in PATH. */
  readonly executable: string;
  /** Arguments with which it prints its version, and nothing else that has three numbers with dots. */
  readonly versionArgs: readonly string[];
  /** Arguments with which it opens a server. @param more a person's own arguments */
  args(url: string, more?: readonly string[]): readonly string[];
  /** Variables by which it passes the server's password, so that it is in no argument list. */
  environment(password: string): Readonly<Record<string, string>>;
}

/** What a major of opencode provides. */
export interface OpencodeApi {
  /** The first number of the releases that it is for. */
  readonly major: number;

  /** The server in a project's container. The image's entrypoint and health check hold the same values; a test compares them. */
  readonly server: {
    /** Port inside the container. */
    readonly port: number;
    /** The command that starts it. */
    readonly command: readonly string[];
    /** Variables with which it asks for a password. */
    environment(password: string): Readonly<Record<string, string>>;
    /** Variable that names the file with the platform's configuration. */
    readonly configVariable: string;
  };

  /** Value of the Authorization header that the server lets in. */
  authorization(password: string): string;

  /** Whether the server can be used, and its release. It starts nothing in the project. */
  readonly health: Call<Health>;

  /** The sessions used last, in any order. @param limit how many at most */
  sessions(limit: number): Call<readonly Session[]>;
  /** Starts a session. */
  createSession(title?: string): Call<Session>;
  /** Sends a prompt and does not wait for its answer, which comes on the event stream. */
  prompt(session: string, text: string): Call<void>;
  /** Sends a prompt and waits until it has been answered: the answer's JSON, as text. */
  promptAndWait(session: string, text: string): Call<string>;

  /** Path of the event stream (SSE) of the server's workspace. */
  readonly eventsPath: string;
  /** Whether a request with this path asks for an event stream, below whatever prefix. */
  isEventStream(path: string): boolean;
  /** Title of the session that an event says was created; undefined for any other event. */
  createdTitle(event: unknown): string | undefined;
  /** Whether an event is the first of a stream, by which the server says that it sends. */
  isConnected(event: unknown): boolean;

  /** Starts a terminal in the project: its id. */
  createTerminal(command: string, args?: readonly string[]): Call<string>;
  /** Path of a terminal's WebSocket. */
  terminalPath(id: string): string;
  removeTerminal(id: string): Call<void>;

  /** The directory that the server works in. */
  readonly directory: Call<string>;
  /** A text file's content. @param path relative to that directory */
  readFile(path: string): Call<string>;
  /** Has the server read a directory and its configuration anew. */
  reload(directory: string): Call<void>;

  /** Path of the page that shows a directory, without a slash before it. */
  pagePath(directory: string): string;

  readonly terminal: TerminalClient;

  /** The platform's own configuration, which an entry's may change. @param model as provider/model; opencode's own choice without one */
  configuration(model?: string): OpencodeConfig;
}
