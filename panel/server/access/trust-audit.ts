/** Writes to the audit log who has trusted a project's repository: that is answered at the project's own page, not at the panel. */
import { readFileSync } from "node:fs";
import { trustedBy } from "../../../operate/docker/container-state.ts";
import type { Containers } from "../../../operate/docker/watch.ts";
import { replaceFile } from "../../../operate/files/replace-file.ts";
import type { Audit } from "./audit.ts";

export interface TrustAuditParts {
  /** File with the containers that have a line in the log, so that a restart of the panel repeats none. */
  readonly file: string;
  readonly containers: Containers;
  readonly audit: Audit;
  report(error: unknown): void;
}

export class TrustAudit {
  readonly #parts: TrustAuditParts;
  /** Ids of containers. Only what one says first counts: nothing of a repository has run until then. */
  readonly #written: Set<string>;
  #off: (() => void) | undefined;

  constructor(parts: TrustAuditParts) {
    this.#parts = parts;
    this.#written = read(parts.file);
  }

  start(): void {
    const look = () => void this.look().catch(this.#parts.report);
    this.#off = this.#parts.containers.onChange(look);
    look();
  }

  close(): void {
    this.#off?.();
  }

  /** Writes a line for each container that has been trusted since it started, once. */
  async look(): Promise<void> {
    const { containers, audit, file } = this.#parts;
    const running = containers.running();
    const found = running.flatMap((container) => {
      const who = trustedBy(container);
      return who === undefined || this.#written.has(container.id) ? [] : [{ ...container, who }];
    });
    for (const { id } of found) this.#written.add(id);
    for (const { id, project, who } of found)
      await audit
        .record({
          request: `trust-${id.slice(0, 12)}`,
          who: { email: who, kind: who.includes("@") ? "person" : "unknown" },
          act: "trust repository",
          project,
          outcome: "accepted",
        })
        .catch((error: unknown) => {
          this.#written.delete(id);
          throw error;
        });
    if (found.length > 0) replaceFile(file, `${JSON.stringify([...this.#written])}\n`);
  }
}

function read(file: string): Set<string> {
  try {
    const ids: unknown = JSON.parse(readFileSync(file, "utf8"));
    return new Set(Array.isArray(ids) ? ids.filter((id) => typeof id === "string") : []);
  } catch {
    return new Set(); // the first start, or an invalid file
  }
}
