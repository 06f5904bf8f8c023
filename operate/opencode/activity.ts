/** Reads when a project was last used, from opencode's own database: an API call would start the project's plugins. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { extname, join } from "node:path";
import { apiFor } from "../../opencode/api/index.ts";
import type { Question, Reply } from "./activity-reader.ts";

const READER = join(import.meta.dirname, `activity-reader${extname(import.meta.filename)}`);
/** Milliseconds for one database. Reading a real one takes a few. */
const TIMEOUT_MS = 5000;

/** Reads one database after the other, in a process that is replaced when a database stops it. */
export class ActivityReader {
  readonly #timeoutMs: number;
  #reader: ChildProcess | undefined;
  #queue: Promise<unknown> = Promise.resolve();

  constructor(timeoutMs = TIMEOUT_MS) {
    this.#timeoutMs = timeoutMs;
  }

  /**
   * When a session of a project was last used, in milliseconds since 1970; undefined without any.
   * @param home the project's home directory on this machine
   * @param version opencode's release
   * @throws Error if its database can't be read
   */
  lastActivity(home: string, version: string): Promise<number | undefined> {
    const { server, activityQuery } = apiFor(version);
    const question: Question = { home, files: server.database, query: activityQuery };
    const answered = this.#queue.then(() => this.#ask(question));
    this.#queue = answered.catch(() => {});
    return answered;
  }

  close(): void {
    this.#reader?.kill("SIGKILL");
    this.#reader = undefined;
  }

  async #ask(question: Question): Promise<number | undefined> {
    const reader = this.#started();
    const timeout = AbortSignal.timeout(this.#timeoutMs);
    // Else each question would leave its listener for the reader's end behind.
    const over = new AbortController();
    const signal = AbortSignal.any([timeout, over.signal]);
    try {
      const answered = once(reader, "message", { signal });
      const ended = once(reader, "exit", { signal }).then(() => {
        throw new Error("the process that read it ended");
      });
      ended.catch(() => {});
      reader.send(question);
      const [{ at, error }] = (await Promise.race([answered, ended])) as [Reply];
      if (error !== undefined) throw new Error(error);
      return at;
    } catch (error) {
      if (timeout.aborted || reader.exitCode !== null || reader.signalCode !== null) this.close();
      const reason = timeout.aborted ? "took too long" : (error as Error).message;
      throw new Error(`The database in ${question.home} can't be read: ${reason}`);
    } finally {
      over.abort();
    }
  }

  #started(): ChildProcess {
    if (this.#reader?.connected) return this.#reader;
    // SQLite is an experiment in Node 22, which says so at each start.
    this.#reader = fork(READER, { stdio: "ignore", env: { NODE_NO_WARNINGS: "1" }, execArgv: [] });
    this.#reader.unref();
    this.#reader.channel?.unref();
    return this.#reader;
  }
}
