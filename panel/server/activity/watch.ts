/** Looks at every project from time to time: when it was last used, and whether that is to be told. */
import { readFileSync } from "node:fs";
import { replaceFile } from "../platform/replace-file.ts";
import { judge, type Known, told } from "./idle.ts";
import type { FetchActivity } from "./opencode.ts";

/** A project, as far as it matters here. */
export interface Watched {
  readonly name: string;
  /** Whether it is to run; it may not answer all the same. */
  readonly isRunning: boolean;
  readonly url: string;
}

export interface ActivityParts {
  /** Where it is kept over restarts, so that nothing is told twice. */
  readonly file: string;
  /** Every project there is. */
  projects(): readonly Watched[];
  readonly ask: FetchActivity;
  /** Days after which a project is idle; nothing is told, when absent. */
  readonly idleDays?: number | undefined;
  /** Tells people. @throws Error when that did not go; it is told at the next look then */
  tell(text: string): Promise<void>;
  report(error: unknown): void;
  readonly now?: () => number;
}

/** At most so many projects are asked at once. */
const AT_ONCE = 4;

export class ActivityWatch {
  readonly #parts: ActivityParts;
  #known: Map<string, Known>;
  #looking: Promise<void> | undefined;
  /** Projects whose idleness was to be told, and why nobody took it. */
  readonly #untold = new Map<string, string>();
  #timer: NodeJS.Timeout | undefined;

  constructor(parts: ActivityParts) {
    this.#parts = parts;
    this.#known = read(parts.file);
  }

  /** When a project was last used, ISO 8601. */
  of(project: string): string | undefined {
    const at = this.#known.get(project)?.lastActivity;
    return at === undefined ? undefined : new Date(at).toISOString();
  }

  /** Whether something is to be told that nobody has taken yet. */
  get isUntold(): boolean {
    return this.#untold.size > 0;
  }

  /** Looks now, and then each so many milliseconds. */
  start(everyMs: number): void {
    const look = () => void this.look().catch(this.#parts.report);
    this.#timer = setInterval(look, everyMs).unref();
    look();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  /** One look at all projects; two do not overlap. */
  look(): Promise<void> {
    this.#looking ??= this.#lookAtAll().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  async #lookAtAll(): Promise<void> {
    const projects = [...this.#parts.projects()];
    const names = new Set(projects.map(({ name }) => name));
    for (const name of this.#known.keys()) if (!names.has(name)) this.#forget(name);
    const workers = Array.from({ length: AT_ONCE }, async () => {
      for (let next = projects.shift(); next; next = projects.shift()) await this.#lookAt(next);
    });
    await Promise.all(workers);
    this.#save();
  }

  #forget(name: string): void {
    this.#known.delete(name);
    this.#untold.delete(name);
  }

  async #lookAt({ name, isRunning, url }: Watched): Promise<void> {
    const { ask, idleDays, tell, report, now = Date.now } = this.#parts;
    const answer = isRunning ? await ask(name).catch(() => "no answer" as const) : undefined;
    const lastActivity = answer === "no answer" ? undefined : answer;
    const judged = judge(this.#known.get(name), { isRunning, lastActivity }, idleDays, now());
    this.#known.set(name, judged.known);
    // One that does not answer is not known to be idle.
    if (answer === "no answer") return;
    if (judged.idleDays === undefined) {
      this.#untold.delete(name);
      return;
    }
    try {
      await tell(noticeOf(name, url, judged.idleDays));
      this.#known.set(name, told(judged.known));
      this.#untold.delete(name);
      this.#save();
    } catch (error) {
      const reason = String(error);
      // Tried at each look, and said when there is something new to say.
      if (this.#untold.get(name) !== reason) report(error);
      this.#untold.set(name, reason);
    }
  }

  #save(): void {
    replaceFile(this.#parts.file, `${JSON.stringify(Object.fromEntries(this.#known))}\n`);
  }
}

/** What people are told of an idle project. */
export const noticeOf = (name: string, url: string, days: number): string =>
  `${name} has not been used for ${days < 1 ? "less than a day" : days === 1 ? "a day" : `${days} days`}: ${url} — stop it in the panel, or take it out, if nobody needs it.`;

function read(file: string): Map<string, Known> {
  try {
    const kept: unknown = JSON.parse(readFileSync(file, "utf8"));
    return new Map(
      Object.entries(kept ?? {}).filter(([, known]) => typeof (known as Known)?.since === "number"),
    );
  } catch {
    return new Map(); // the first start, or a file that a person has spoilt
  }
}
