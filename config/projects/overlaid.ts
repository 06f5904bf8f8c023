/** What a stack's own file says of one entry: for whoever edits projects.yaml, where that would not take effect. */
import { type Path, parseYaml } from "../text/yaml.ts";
import { formatPath } from "./messages.ts";
import type { NamedText } from "./overlay.ts";
import { listOf, mapOf } from "./rough.ts";

/** Each with its place: `projects.prod.yaml:7:5 projects[0].env`. */
export interface Overlaid {
  /** The file's name. */
  readonly file: string;
  /** Where it excludes the entry. */
  readonly excluded?: string;
  /** Where it has an entry of that name. */
  readonly entry?: string;
  /** The keys of that entry, and those of its `opencode` as `opencode.version`; never its name. */
  readonly keys: ReadonlyMap<string, string>;
}

/** @returns undefined where there is no such file, or it says nothing of the project */
export function overlaidIn(overlay: NamedText | undefined, project: string): Overlaid | undefined {
  if (!overlay) return undefined;
  const { file } = overlay;
  const yaml = parseYaml(overlay.text);
  const { projects, exclude } = mapOf(yaml.value);
  const where = (path: Path): string => {
    const { line, col } = yaml.position(yaml.offsetOf(path, "key"));
    return `${file}:${line}:${col} ${formatPath(path)}`;
  };
  const index = listOf(projects).findIndex((entry) => mapOf(entry).name === project);
  const out = listOf(exclude).indexOf(project);
  if (index < 0 && out < 0) return undefined;
  const at: Path = ["projects", index];
  const { name: _, ...entry } = mapOf(listOf(projects)[index]);
  const keys = [
    ...Object.keys(entry).map((key) => [key, where([...at, key])] as const),
    ...Object.keys(mapOf(entry.opencode)).map(
      (key) => [`opencode.${key}`, where([...at, "opencode", key])] as const,
    ),
  ];
  return {
    file,
    ...(out >= 0 ? { excluded: where(["exclude", out]) } : {}),
    ...(index >= 0 ? { entry: where(at) } : {}),
    keys: new Map(keys),
  };
}
