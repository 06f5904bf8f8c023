/** How much of its disk each project has used: read from the file that a droplet writes each minute (components/host/space-program.ts). */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as z from "zod";
import { SPACE_FILE } from "../../config/naming/names.ts";
import { parseJson } from "../../config/text/json.ts";
import type { Usage } from "./types.ts";

/** Milliseconds for which what was read is used again. */
const KEPT_MS = 5000;

const figure = z.object({ used: z.number().min(0), limit: z.number().min(1) });
const file = z.object({ projects: z.record(z.string(), figure) });

/** Reads the file's text; nothing of one that is none. */
export function parseSpace(text: string): ReadonlyMap<string, Usage> {
  const { data } = file.safeParse(parseJson(text));
  return new Map(Object.entries(data?.projects ?? {}));
}

export class DiskUsage {
  readonly #path: string;
  #known: ReadonlyMap<string, Usage> = new Map();
  #until = 0;

  /** @param homes the directory of all projects' homes, as this process has it */
  constructor(homes: string) {
    this.#path = join(homes, SPACE_FILE);
  }

  /** What a project has used; undefined where nothing limits it. */
  of(project: string): Usage | undefined {
    const now = performance.now();
    if (now >= this.#until) {
      this.#until = now + KEPT_MS;
      this.#known = this.#read();
    }
    return this.#known.get(project);
  }

  #read(): ReadonlyMap<string, Usage> {
    try {
      return parseSpace(readFileSync(this.#path, "utf8"));
    } catch {
      return new Map();
    }
  }
}
