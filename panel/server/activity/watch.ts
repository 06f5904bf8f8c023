/** Looks at every project from time to time: when it was last used, and whether that is to be told. */
import { readFileSync } from "node:fs";
import { replaceFile } from "../platform/replace-file.ts";
import { type ActivityRecord, evaluate, markNotified } from "./idle.ts";
import type { FetchActivity } from "./opencode.ts";

/** A project, as far as it matters here. */
export interface MonitoredProject {
  readonly name: string;
  /** Whether it is to run; it may not answer all the same. */
  readonly isRunning: boolean;
  readonly url: string;
}

export interface ActivityParts {
  /** Where it is kept over restarts, so that nothing is told twice. */
  readonly file: string;
  /** Every project there is. */
  projects(): readonly MonitoredProject[];
  readonly fetchActivity: FetchActivity;
  /** Days after which a project is idle; nothing is told, when absent. */
  readonly idleDays?: number | undefined;
  /** Tells people. @throws Error when that did not go; it is told at the next look then */
  notify(text: string): Promise<void>;
  report(error: unknown): void;
  readonly now?: () => number;
}

/** At most so many projects are asked at once. */
const CONCURRENCY = 4;

export class ActivityMonitor {
  readonly #parts: ActivityParts;
  #records: Map<string, ActivityRecord>;
  #checking: Promise<void> | undefined;
  /** Projects whose idleness was to be told, and why nobody took it. */
  readonly #pendingNotices = new Map<string, string>();
  #timer: NodeJS.Timeout | undefined;

  constructor(parts: ActivityParts) {
    this.#parts = parts;
    this.#records = read(parts.file);
  }

  /** When a project was last used, ISO 8601. */
  of(project: string): string | undefined {
    const at = this.#records.get(project)?.lastActivity;
    return at === undefined ? undefined : new Date(at).toISOString();
  }

  /** Whether something is to be told that nobody has taken yet. */
  get hasPendingNotices(): boolean {
    return this.#pendingNotices.size > 0;
  }

  /** Looks now, and then each so many milliseconds. */
  start(everyMs: number): void {
    const check = () => void this.check().catch(this.#parts.report);
    this.#timer = setInterval(check, everyMs).unref();
    check();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  /** One look at all projects; two do not overlap. */
  check(): Promise<void> {
    this.#checking ??= this.#checkAll().finally(() => {
      this.#checking = undefined;
    });
    return this.#checking;
  }

  async #checkAll(): Promise<void> {
    const projects = [...this.#parts.projects()];
    const names = new Set(projects.map(({ name }) => name));
    for (const name of this.#records.keys()) if (!names.has(name)) this.#forget(name);
    const workers = Array.from({ length: CONCURRENCY }, async () => {
      for (let next = projects.shift(); next; next = projects.shift()) await this.#checkProject(next);
    });
    await Promise.all(workers);
    this.#save();
  }

  #forget(name: string): void {
    this.#records.delete(name);
    this.#pendingNotices.delete(name);
  }

  async #checkProject({ name, isRunning, url }: MonitoredProject): Promise<void> {
    const { fetchActivity, idleDays, notify, report, now = Date.now } = this.#parts;
    const answer = isRunning ? await fetchActivity(name).catch(() => "no answer" as const) : undefined;
    const lastActivity = answer === "no answer" ? undefined : answer;
    const judged = evaluate(this.#records.get(name), { isRunning, lastActivity }, idleDays, now());
    this.#records.set(name, judged.known);
    // One that does not answer is not known to be idle.
    if (answer === "no answer") return;
    if (judged.idleDays === undefined) {
      this.#pendingNotices.delete(name);
      return;
    }
    try {
      await notify(idleNotice(name, url, judged.idleDays));
      this.#records.set(name, markNotified(judged.known));
      this.#pendingNotices.delete(name);
      this.#save();
    } catch (error) {
      const reason = String(error);
      // Tried at each look, and said when there is something new to say.
      if (this.#pendingNotices.get(name) !== reason) report(error);
      this.#pendingNotices.set(name, reason);
    }
  }

  #save(): void {
    replaceFile(this.#parts.file, `${JSON.stringify(Object.fromEntries(this.#records))}\n`);
  }
}

/** What people are told of an idle project. */
export const idleNotice = (name: string, url: string, days: number): string =>
  `${name} has not been used for ${days < 1 ? "less than a day" : days === 1 ? "a day" : `${days} days`}: ${url} — stop it in the panel, or take it out, if nobody needs it.`;

function read(file: string): Map<string, ActivityRecord> {
  try {
    const kept: unknown = JSON.parse(readFileSync(file, "utf8"));
    return new Map(
      Object.entries(kept ?? {}).filter(([, known]) => typeof (known as ActivityRecord)?.since === "number"),
    );
  } catch {
    return new Map(); // the first start, or a file that a person has spoilt
  }
}
