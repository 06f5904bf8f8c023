/**
 * A stack's own file, `projects.<stack>.yaml`, laid over projects.yaml. One rule: maps are merged key by key, entries by their name; any other
 * value replaces the one of projects.yaml, `null` removes it, and `exclude` leaves entries out.
 */
import { closest, show } from "../text/show.ts";
import type { Path } from "../text/yaml.ts";
import { AFTER_BASE, type NamedYaml, type Place, type ProjectsDocument, placeIn } from "./document.ts";
import { checkDuplicates } from "./entry-rules.ts";
import { isMap, listOf, mapOf, type UncheckedMap } from "./rough.ts";
import type { Violation } from "./violation.ts";

export const PROJECTS_FILE = "projects.yaml";

/** Name of a stack's own file. */
export const overlayFile = (stack: string): string => `projects.${stack}.yaml`;

/** A file's text, and what messages call it. */
export interface NamedText {
  readonly file: string;
  readonly text: string;
}

/** Where an entry comes from: its index in each file. */
interface Origin {
  readonly base?: number;
  readonly over?: number;
}

/** An entry of both files together. */
interface MergedEntry {
  readonly entry: unknown;
  readonly origin: Origin;
}

/** What is wrong with the stack's own file by itself, or has no effect; paths are those of that file. */
type Report = Readonly<Record<"wrong" | "idle", (violation: Violation) => void>>;

/**
 * What both files say together. Both have to be maps, or the stack's own may be empty.
 * @returns also what is wrong with the stack's own file by itself, with paths in that file; and what of it has no effect, which is no error unless it looks like a
 * slip: projects.yaml may have lost it by an edit that was meant for another stack
 */
export function layOver(
  base: NamedYaml,
  over: NamedYaml,
): {
  readonly document: ProjectsDocument;
  readonly violations: readonly Violation[];
  readonly warnings: readonly Violation[];
} {
  const [violations, warnings]: [Violation[], Violation[]] = [[], []];
  const merger = new Merger(base, over, {
    wrong: (violation) => violations.push(violation),
    idle: (violation) => warnings.push(violation),
  });
  const { projects, exclude, ...rest } = mapOf(over.yaml.value);
  const file = merger.merge(mapOf(base.yaml.value), rest, []);
  const entries = merger.mergeEntries(listOf(file.projects), projects);
  const excluded = merger.namesIn(exclude);
  const kept = entries.filter(({ entry }) => !excluded.includes(nameOf(entry) ?? ""));
  const isList = Array.isArray(file.projects);
  const value = isList ? { ...file, projects: kept.map(({ entry }) => entry) } : file;
  return {
    document: laidOver(
      base,
      over,
      value,
      kept.map(({ origin }) => origin),
    ),
    violations,
    warnings,
  };
}

class Merger {
  readonly #base: NamedYaml;
  readonly #over: NamedYaml;
  readonly #report: Report;

  constructor(base: NamedYaml, over: NamedYaml, report: Report) {
    this.#base = base;
    this.#over = over;
    this.#report = report;
  }

  /** @param path of `over` in its file */
  merge(base: UncheckedMap, over: UncheckedMap, path: Path): UncheckedMap {
    const merged: Record<string, unknown> = { ...base };
    for (const [key, value] of Object.entries(over)) {
      const before = Object.hasOwn(base, key) ? base[key] : undefined;
      const at = [...path, key];
      if (value === null) {
        this.#checkRemoval(at, before, Object.keys(base));
        delete merged[key];
      } else merged[key] = isMap(value) ? this.merge(mapOf(before), value, at) : value;
    }
    return merged;
  }

  /** `null` is written out: a key whose lines were all removed would take away more than was meant. */
  #checkRemoval(path: Path, before: unknown, known: readonly string[]): void {
    const key = String(path.at(-1));
    if (before === undefined) {
      const guess = closest(key, known);
      const what = `removes nothing: ${this.#base.file} does not set it here`;
      this.#report[guess ? "wrong" : "idle"]({
        path,
        what: `${what}${guess ? `; did you mean ${guess}?` : ""}`,
        atKey: true,
      });
    } else if (!this.#over.yaml.sourceOf(path)) {
      const fix = `write null to remove what ${this.#base.file} sets, or remove the key`;
      this.#report.wrong({ path, what: "is empty", fix, atKey: true });
    }
  }

  /** The entries of projects.yaml with the stack's own in place, then those that it adds. */
  mergeEntries(base: readonly unknown[], over: unknown): MergedEntry[] {
    const merged: MergedEntry[] = base.map((entry, index) => ({ entry, origin: { base: index } }));
    const seen = new Map<string, number>();
    if (over !== undefined && !Array.isArray(over)) {
      const what = over === null ? "is empty" : `${show(over)} is not a list`;
      this.#report.wrong({
        path: ["projects"],
        what,
        fix: "start each entry with - name:, or remove the key",
      });
    }
    for (const [index, entry] of listOf(over).entries()) {
      const path = ["projects", index];
      const name = nameOf(entry);
      if (!isMap(entry) || name === undefined) {
        const what = isMap(entry) ? "has no name" : `${show(entry)} is not an entry`;
        this.#report.wrong({
          path,
          what,
          fix: `start it with - name: the entry of ${this.#base.file} that it changes, or a new one`,
        });
        continue;
      }
      const earlier = seen.get(name);
      if (earlier !== undefined) {
        const what = `${show(name)} is already used by projects[${earlier}]`;
        this.#report.wrong({ path: [...path, "name"], what, fix: "write one entry per name" });
        continue;
      }
      seen.set(name, index);
      const at = merged.findIndex((each) => nameOf(each.entry) === name);
      const found = merged[at];
      const together = this.merge(mapOf(found?.entry), entry, path);
      if (found) merged[at] = { entry: together, origin: { ...found.origin, over: index } };
      else merged.push({ entry: together, origin: { over: index } });
    }
    return merged;
  }

  /** The names under `exclude`, of those that are right. */
  namesIn(exclude: unknown): string[] {
    const path = ["exclude"];
    if (exclude === undefined) return [];
    if (!Array.isArray(exclude)) {
      const what = exclude === null ? "is empty" : `${show(exclude)} is not a list`;
      this.#report.wrong({ path, what, fix: "write the names of entries: exclude: [sandbox]" });
      return [];
    }
    const known = listOf(mapOf(this.#base.yaml.value).projects).flatMap((entry) => nameOf(entry) ?? []);
    const changed = listOf(mapOf(this.#over.yaml.value).projects).map(nameOf);
    for (const violation of checkDuplicates(exclude, path)) this.#report.wrong(violation);
    return exclude.flatMap((name: unknown, index) => {
      const at = [...path, index];
      if (typeof name !== "string" || !known.includes(name)) {
        const guess = typeof name === "string" ? closest(name, known) : undefined;
        const what = `${show(name)} is not in ${this.#base.file}${guess ? `; did you mean ${guess}?` : ""}`;
        this.#report[typeof name === "string" && !guess ? "idle" : "wrong"]({ path: at, what });
      } else if (changed.includes(name)) {
        const what = `${show(name)} is also under projects, in this file`;
        this.#report.wrong({ path: at, what, fix: "keep one of the two" });
      } else return [name];
      return [];
    });
  }
}

const nameOf = (entry: unknown): string | undefined => {
  const { name } = mapOf(entry);
  return typeof name === "string" ? name : undefined;
};

function laidOver(
  base: NamedYaml,
  over: NamedYaml,
  value: UncheckedMap,
  origins: readonly Origin[],
): ProjectsDocument {
  const pathIn = (layer: keyof Origin, path: Path): Path | undefined => {
    const [first, index, ...rest] = path;
    if (first !== "projects" || typeof index !== "number") return path;
    const own = origins[index]?.[layer];
    return own === undefined ? undefined : [first, own, ...rest];
  };
  /** The file that a value is in: the stack's own, but for maps and names that both have. */
  const fileOf = (path: Path): keyof Origin | undefined => {
    const [below, above] = [pathIn("base", path), pathIn("over", path)];
    const isBelow = below !== undefined && base.yaml.has(below);
    const isAbove = above !== undefined && over.yaml.has(above);
    if (!isBelow) return isAbove ? "over" : undefined;
    const isShared =
      isMap(valueAt(value, path)) || (path.length === 3 && path[2] === "name") || path.length < 2;
    return isAbove && !isShared ? "over" : "base";
  };
  const placeOf = (path: Path, part?: "key" | "value"): Place => {
    const layer = path
      .map((_, index) => fileOf(path.slice(0, path.length - index)))
      .find((found) => found !== undefined);
    const isOver = layer === "over";
    const own = pathIn(layer ?? "base", path) ?? path;
    return placeIn(isOver ? over : base, own, part, isOver ? AFTER_BASE : 0);
  };
  return {
    value,
    placeOf,
    has: (path) => fileOf(path) !== undefined,
    sourceOf(path) {
      const layer = fileOf(path);
      const own = layer && pathIn(layer, path);
      return own && (layer === "over" ? over : base).yaml.sourceOf(own);
    },
  };
}

const valueAt = (value: unknown, path: Path): unknown =>
  path.reduce<unknown>((found, step) => (found as UncheckedMap | undefined)?.[step], value);
