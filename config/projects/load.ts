import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { type Problem, UserError } from "../errors.ts";
import { type Finding, type ParsedYaml, type Path, parseYaml } from "../text/yaml.ts";
import { type ProjectsFile, projectsFile } from "./file-schema.ts";
import { describeIssue, formatPath } from "./messages.ts";
import { normalise } from "./normalise.ts";
import type { Project } from "./project.ts";
import { checkRules } from "./rules.ts";
import type { HostContext, Violation } from "./violation.ts";

export interface LoadOptions extends HostContext {
  /** What messages call the file. */
  readonly file: string;
  /** Directory that `./relative` repositories are relative to. Default: the working directory. */
  readonly directory?: string;
}

/**
 * Reads projects.yaml: checked, defaults merged in, in the order of the file.
 * @throws UserError with every problem of the file at once, in the order of the file; nothing else.
 */
export function loadProjects(text: string, options: LoadOptions): Project[] {
  const directory = options.directory ?? process.cwd();
  const yaml = parseYaml(text);
  if (yaml.value === undefined) throw toUserError(yaml, yaml.findings, options.file);
  const unusable = describeRoot(yaml.value);
  if (unusable && yaml.findings.length === 0)
    throw toUserError(yaml, [{ path: [], offset: yaml.offsetOf([]), ...unusable }], options.file);
  const { isDirectory } = options;
  const context = isDirectory
    ? { ...options, isDirectory: (path: string) => isDirectory(resolve(directory, path)) }
    : options;
  const schema = checkSchema(yaml);
  const rules = checkRules(yaml, context).map((violation) => locate(yaml, violation));
  const findings = withoutDuplicates(withoutDuplicates(yaml.findings, schema.findings), rules);
  if (findings.length > 0 || !schema.data) throw toUserError(yaml, findings, options.file);
  return normalise(schema.data, directory);
}

/**
 * Reads a projects.yaml from disk; `./relative` repositories are relative to its directory.
 * @throws UserError as loadProjects does, and when the file cannot be read.
 */
export function readProjectsFile(
  path: string,
  options: Omit<LoadOptions, "directory" | "file"> & { file?: string },
): Project[] {
  const file = options.file ?? "projects.yaml";
  return loadProjects(readText(path, file), { ...options, file, directory: dirname(resolve(path)) });
}

function readText(path: string, file: string): string {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "unknown error";
    const missing = code === "ENOENT";
    throw new UserError("config", [
      {
        where: file,
        what: missing ? "not found" : `cannot be read (${code})`,
        fix: missing ? "create it with projects: []" : undefined,
      },
    ]);
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new UserError("config", [{ where: file, what: "is not UTF-8 text", fix: "save it as UTF-8" }]);
  }
}

function describeRoot(value: unknown): { what: string; fix: string } | undefined {
  const fix = "start with projects: and one entry per project";
  if (value === null) return { what: "is empty", fix };
  if (typeof value !== "object" || Array.isArray(value)) return { what: "is not a map (key: value)", fix };
  return undefined;
}

function checkSchema(yaml: ParsedYaml): { data?: ProjectsFile; findings: Finding[] } {
  const result = projectsFile.safeParse(yaml.value, {
    error: (issue) => describeIssue(issue, yaml.sourceOf(pathOf(issue.path))),
  });
  if (result.success) return { data: result.data, findings: [] };
  const findings = result.error.issues.flatMap((issue) => {
    const path = pathOf(issue.path);
    if (issue.code === "unrecognized_keys") {
      const lines = issue.message.split("\n");
      return issue.keys.map((key, index) =>
        locate(yaml, { path: [...path, key], what: lines[index] ?? "is not a valid key here", atKey: true }),
      );
    }
    const fix =
      issue.code === "custom" && typeof issue.params?.fix === "string" ? issue.params.fix : undefined;
    return [locate(yaml, { path, what: issue.message, fix, atKey: issue.code === "invalid_key" })];
  });
  return { findings };
}

const pathOf = (path: readonly PropertyKey[] = []): Path => path.filter((step) => typeof step !== "symbol");

const locate = (yaml: ParsedYaml, { path, what, fix, atKey }: Violation): Finding => ({
  path,
  offset: yaml.offsetOf(path, atKey ? "key" : "value"),
  what,
  fix,
});

/** Adds findings to earlier ones, without those that only follow from an earlier one at the same place. */
function withoutDuplicates(earlier: readonly Finding[], later: readonly Finding[]): Finding[] {
  const key = ({ path }: Finding) => JSON.stringify(path);
  const known = new Set(earlier.map(key));
  return [...earlier, ...later.filter((finding) => !known.has(key(finding)))];
}

function toUserError(yaml: ParsedYaml, findings: readonly Finding[], file: string): UserError {
  const problems = findings
    .toSorted((a, b) => a.offset - b.offset)
    .map(({ path, offset, what, fix }): Problem => {
      const { line, col } = yaml.position(offset);
      return {
        where: [`${file}:${line}:${col}`, formatPath(path)].filter(Boolean).join(" "),
        what,
        fix,
      };
    });
  return new UserError("config", problems);
}
