/** Checks every project's activity at an interval, and sends notices of idle ones. */
import { readFileSync } from "node:fs";
import { replaceFile } from "../../../operate/files/replace-file.ts";
import { type ActivityRecord, evaluate, markNotified } from "./idle.ts";

/** Milliseconds since the epoch; undefined for a project without sessions. @throws Error if that can't be found out */
type FetchActivity = (project: string, version: string) => Promise<number | undefined>;

/** A project to monitor. */
export interface MonitoredProject {
  readonly name: string;
  /** Whether its entry wants it to run. */
  readonly isRunning: boolean;
  readonly url: string;
  /** opencode's release. */
  readonly version: string;
}

export interface ActivityParts {
  /** File with the records, so that no notice is repeated after a restart. */
  readonly file: string;
  /** All projects. */
  projects(): readonly MonitoredProject[];
  readonly fetchActivity: FetchActivity;
  /** Days until a project is idle; no notices if undefined. */
  readonly idleDays?: number | undefined;
  /** Sends a notice. @throws Error on failure; it is retried at the next check */
  notify(text: string): Promise<void>;
  report(error: unknown): void;
  readonly now?: () => number;
}

/** Maximum concurrent requests. */
const CONCURRENCY = 4;

export class ActivityMonitor {
  readonly #parts: ActivityParts;
  #records: Map<string, ActivityRecord>;
  #checking: Promise<void> | undefined;
  /** Projects with an undelivered notice, and the reason. */
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

  /** Whether a notice is undelivered. */
  get hasPendingNotices(): boolean {
    return this.#pendingNotices.size > 0;
  }

  /** Checks now, then every `everyMs` milliseconds. */
  start(everyMs: number): void {
    const check = () => void this.check().catch(this.#parts.report);
    this.#timer = setInterval(check, everyMs).unref();
    check();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  /** Checks all projects once; concurrent calls share one check. */
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

  async #checkProject({ name, isRunning, url, version }: MonitoredProject): Promise<void> {
    const { fetchActivity, idleDays, notify, report, now = Date.now } = this.#parts;
    const answer = isRunning
      ? await fetchActivity(name, version).catch(() => "no answer" as const)
      : undefined;
    const lastActivity = answer === "no answer" ? undefined : answer;
    const decision = evaluate(this.#records.get(name), { isRunning, lastActivity }, idleDays, now());
    this.#records.set(name, decision.known);
    // A project that is not responding may not be idle.
    if (answer === "no answer") return;
    if (decision.idleDays === undefined) {
      this.#pendingNotices.delete(name);
      return;
    }
    try {
      await notify(idleNotice(name, url, decision.idleDays));
      this.#records.set(name, markNotified(decision.known));
      this.#pendingNotices.delete(name);
      this.#save();
    } catch (error) {
      const reason = String(error);
      // Retried at each check; the log has each new reason once.
      if (this.#pendingNotices.get(name) !== reason) report(error);
      this.#pendingNotices.set(name, reason);
    }
  }

  #save(): void {
    replaceFile(this.#parts.file, `${JSON.stringify(Object.fromEntries(this.#records))}\n`);
  }
}

/** Text of a notice about an idle project. */
export const idleNotice = (name: string, url: string, days: number): string =>
  `${name} has not been used for ${days < 1 ? "less than a day" : days === 1 ? "a day" : `${days} days`}: ${url} — stop or delete it in the panel if it is no longer needed.`;

function read(file: string): Map<string, ActivityRecord> {
  try {
    const kept: unknown = JSON.parse(readFileSync(file, "utf8"));
    return new Map(Object.entries(kept ?? {}).filter(([, known]) => isRecord(known)));
  } catch {
    return new Map(); // the first start, or an invalid file
  }
}

/** Whether a record has times that a Date can hold: an earlier release kept whatever a project said. */
function isRecord(value: unknown): value is ActivityRecord {
  const { since, lastActivity = 0, toldFor = 0 } = (value ?? {}) as Partial<ActivityRecord>;
  return [since, lastActivity, toldFor].every(
    (at) => typeof at === "number" && !Number.isNaN(new Date(at).valueOf()),
  );
}
