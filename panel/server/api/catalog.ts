/** Snapshots of projects.yaml for the API. */
import { UserError } from "../../../config/errors.ts";
import type { NamedText } from "../../../config/projects/overlay.ts";
import type { Project } from "../../../config/projects/project.ts";
import type { ProjectsSnapshot } from "../platform/projects-file.ts";
import type { Entry } from "../platform/types.ts";
import { HttpProblem } from "./problem.ts";

/** A project with its entry as written in projects.yaml; its name alone where the stack's own file adds it. */
export interface ProjectEntry {
  readonly project: Project;
  readonly entry: Entry;
}

/** The file at one moment. */
export interface Snapshot {
  readonly text: string;
  readonly version: string;
  /** The stack's own file, which is laid over it. */
  readonly overlay?: NamedText | undefined;
  readonly projectEntries: readonly ProjectEntry[];
  /** The file is invalid now; this is its last valid content. */
  readonly isStale: boolean;
}

/** Maximum age, in milliseconds, of a snapshot shared by streams. */
const CACHE_MS = 500;

/** Reads the file for each request, and keeps its last valid content, so that a bad edit hides no project. */
export class Catalog {
  readonly #read: () => ProjectsSnapshot;
  readonly #load: (text: string) => readonly Project[];
  #last: { snapshot: Snapshot; at: number } | undefined;

  /** @param load throws a UserError for an invalid file */
  constructor(read: () => ProjectsSnapshot, load: (text: string) => readonly Project[]) {
    this.#read = read;
    this.#load = load;
  }

  /** @throws HttpProblem (503) if the file is invalid and there is no earlier snapshot */
  readSnapshot(): Snapshot {
    const last = this.#last?.snapshot;
    const snapshot = this.#readNow(last);
    this.#last = { snapshot, at: performance.now() };
    return snapshot;
  }

  /** A snapshot up to half a second old. */
  readCached(): Snapshot {
    const { snapshot, at } = this.#last ?? {};
    return snapshot && at !== undefined && performance.now() - at < CACHE_MS ? snapshot : this.readSnapshot();
  }

  #readNow(last: Snapshot | undefined): Snapshot {
    try {
      const { text, version, entries, overlay } = this.#read();
      const isSame = last?.version === version && last.overlay?.text === overlay?.text;
      if (last && !last.isStale && isSame) return last;
      const written = new Map((entries as Entry[]).map((entry) => [entry?.name, entry]));
      const projectEntries = this.#load(text).map((project) => ({
        project,
        entry: written.get(project.name) ?? { name: project.name },
      }));
      return { text, version, overlay, projectEntries, isStale: false };
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      if (last) return { ...last, isStale: true };
      throw new HttpProblem(503, "projects.yaml is invalid: run `npm run check` and fix it.");
    }
  }
}
