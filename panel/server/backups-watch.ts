/** Looks at the stack's backups at an interval: for the list of projects, and for a notice of each problem, once. */
import { readFileSync } from "node:fs";
import { parseJson } from "../../config/text/json.ts";
import { replaceFile } from "../../operate/files/replace-file.ts";
import type { Storage, StorageStatus } from "../../operate/storage/client.ts";
import { type BackedUp, backupProblems, problemText } from "../../operate/storage/judge.ts";

/** What the list says of a project's backups. */
export interface BackupNote {
  /** When the newest was made, ISO 8601. */
  readonly last?: string;
  readonly problem?: string;
}

export interface BackupsParts {
  /** File with the problems that somebody was notified of, so that no notice is repeated after a restart. */
  readonly file: string;
  readonly storage: Pick<Storage, "status">;
  /** Those of projects.yaml. @throws if that is invalid */
  projects(): readonly BackedUp[];
  /** Sends a notice. @throws Error if it was not delivered; it is retried at the next look */
  notify(text: string): Promise<void>;
  report(error: unknown): void;
  readonly now?: () => number;
}

type BackupStatus = NonNullable<StorageStatus["backup"]>;

export class BackupsWatch {
  readonly #parts: BackupsParts;
  #status: BackupStatus | undefined;
  #notified: Set<string>;
  #looking: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #reported = "";

  constructor(parts: BackupsParts) {
    this.#parts = parts;
    this.#notified = new Set(readKeys(parts.file));
  }

  /** Undefined where backups are not set up, or nothing is known. */
  of(project: BackedUp): BackupNote | undefined {
    const status = this.#status;
    if (!status) return undefined;
    const [problem] = backupProblems(
      { ...status, check: undefined, tried: undefined },
      [project],
      this.#now(),
    );
    const last = status.projects[project.name]?.last?.at;
    return {
      ...(last === undefined ? {} : { last }),
      ...(problem ? { problem: problem.what } : {}),
    };
  }

  /** Looks now, then every `everyMs` milliseconds. */
  start(everyMs: number): void {
    this.#timer = setInterval(() => void this.look(), everyMs).unref();
    void this.look();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  /** Looks once; concurrent calls share one look. */
  look(): Promise<void> {
    this.#looking ??= this.#lookNow()
      .catch((error: unknown) => this.#report(error))
      .finally(() => {
        this.#looking = undefined;
      });
    return this.#looking;
  }

  async #lookNow(): Promise<void> {
    const answer = await this.#parts.storage.status();
    // One that does not answer is health's to tell; what was known stays.
    if (answer.kind !== "answered") return;
    this.#status = answer.value.backup;
    if (!this.#status) return;
    const problems = backupProblems(this.#status, this.#parts.projects(), this.#now());
    const keys = new Set(problems.map(({ key }) => key));
    const known = [...this.#notified].filter((key) => keys.has(key));
    const before = this.#notified.size;
    this.#notified = new Set(known);
    if (known.length !== before) this.#save();
    for (const problem of problems) {
      if (this.#notified.has(problem.key)) continue;
      await this.#parts.notify(problemText(problem));
      this.#notified.add(problem.key);
      this.#save();
    }
    this.#reported = "";
  }

  /** The log has each new reason once. */
  #report(error: unknown): void {
    if (String(error) !== this.#reported) this.#parts.report(error);
    this.#reported = String(error);
  }

  #save(): void {
    replaceFile(this.#parts.file, `${JSON.stringify([...this.#notified])}\n`);
  }

  #now(): number {
    return (this.#parts.now ?? Date.now)();
  }
}

function readKeys(file: string): string[] {
  try {
    const kept = parseJson(readFileSync(file, "utf8"));
    return Array.isArray(kept) ? kept.filter((key) => typeof key === "string") : [];
  } catch {
    return []; // the first start
  }
}
