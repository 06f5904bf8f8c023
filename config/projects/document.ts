/** projects.yaml as it is checked: what its file or files say together, and where each part of that is written. */
import type { ParsedYaml, Path } from "../text/yaml.ts";

/** Where something is written. */
export interface Place {
  /** What messages call the file. */
  readonly file: string;
  /** The path in that file. */
  readonly path: Path;
  readonly line: number;
  readonly col: number;
  /** Sorts places: by file, and within one from its start. */
  readonly order: number;
}

export interface ProjectsDocument {
  readonly value: unknown;
  /** Place of a value, or of its key; of the nearest parent that exists when there is none. */
  placeOf(path: Path, part?: "key" | "value"): Place;
  /** How a scalar is written: `1.10` for the number 1.1. */
  sourceOf(path: Path): string | undefined;
  /** Whether a value is written there. */
  has(path: Path): boolean;
}

/** The line of a value, as a message about another place says it. */
export function lineOf(document: ProjectsDocument, path: Path): string {
  const { file, line } = document.placeOf(path);
  return file === document.placeOf([]).file ? `line ${line}` : `line ${line} of ${file}`;
}

/** A file that was read. */
export interface NamedYaml {
  readonly file: string;
  readonly yaml: ParsedYaml;
}

/** A file by itself. */
export const documentOf = ({ file, yaml }: NamedYaml): ProjectsDocument => ({
  value: yaml.value,
  placeOf: (path, part) => placeIn({ file, yaml }, path, part),
  sourceOf: (path) => yaml.sourceOf(path),
  has: (path) => yaml.has(path),
});

/** Order of the start of a file that is laid over another: more than any offset in that one. */
export const AFTER_BASE = 2 ** 32;

/** @param first order of the file's start among several files */
export function placeIn({ file, yaml }: NamedYaml, path: Path, part?: "key" | "value", first = 0): Place {
  const offset = yaml.offsetOf(path, part);
  return { file, path, ...yaml.position(offset), order: first + offset };
}
