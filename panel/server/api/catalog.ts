/** projects.yaml as the API looks at it. */
import { UserError } from "../../../config/errors.ts";
import type { Project } from "../../../config/projects/project.ts";
import type { ProjectsSnapshot } from "../platform/projects-file.ts";
import type { Entry } from "../platform/types.ts";
import { HttpProblem } from "./problem.ts";

/** A project, with its entry as it is written. */
export interface ProjectEntry {
  readonly project: Project;
  readonly entry: Entry;
}

/** The file as it was at one moment. */
export interface Snapshot {
  readonly text: string;
  readonly version: string;
  readonly projectEntries: readonly ProjectEntry[];
  /** Whether the file is wrong by now; `listed` is how it last was right. */
  readonly isStale: boolean;
}

/** How old a snapshot may be that streams are made of: many look at the same time. */
const CACHE_MS = 500;

/** Reads the file for each request, and keeps how it last was right: a mistake in an editor hides no project. */
export class Catalog {
  readonly #read: () => ProjectsSnapshot;
  readonly #load: (text: string) => readonly Project[];
  #last: { snapshot: Snapshot; at: number } | undefined;

  /** @param load throws a UserError for a file that is wrong */
  constructor(read: () => ProjectsSnapshot, load: (text: string) => readonly Project[]) {
    this.#read = read;
    this.#load = load;
  }

  /** @throws Refusal (503) when the file is wrong and never was right */
  readSnapshot(): Snapshot {
    const last = this.#last?.snapshot;
    const snapshot = this.#readNow(last);
    this.#last = { snapshot, at: performance.now() };
    return snapshot;
  }

  /** The same, up to half a second old. */
  readCached(): Snapshot {
    const { snapshot, at } = this.#last ?? {};
    return snapshot && at !== undefined && performance.now() - at < CACHE_MS ? snapshot : this.readSnapshot();
  }

  #readNow(last: Snapshot | undefined): Snapshot {
    try {
      const { text, version, entries } = this.#read();
      if (last && !last.isStale && last.version === version) return last;
      const projectEntries = this.#load(text).map((project, index) => ({
        project,
        entry: entries[index] as Entry,
      }));
      return { text, version, projectEntries: projectEntries, isStale: false };
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      if (last) return { ...last, isStale: true };
      throw new HttpProblem(
        503,
        "projects.yaml is wrong; `npm run check` says what. Nothing can be shown till then.",
      );
    }
  }
}
