import { existsSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { locksIn } from "../devcontainer/lock.ts";
import { type Problem, UserError } from "../errors.ts";
import { type Path, parseYaml } from "../text/yaml.ts";
import {
  AFTER_BASE,
  documentOf,
  type NamedYaml,
  type Place,
  type ProjectsDocument,
  placeIn,
} from "./document.ts";
import { type ProjectsFile, projectsFile } from "./file-schema.ts";
import { describeIssue, formatPath } from "./messages.ts";
import { normalise } from "./normalise.ts";
import { checkMcpCommands } from "./opencode-settings.ts";
import { layOver, type NamedText, overlayFile, PROJECTS_FILE } from "./overlay.ts";
import type { Project } from "./project.ts";
import { warnOfDeployKeys } from "./repos.ts";
import { isMap } from "./rough.ts";
import { checkRules } from "./rules.ts";
import type { HostContext, Violation } from "./violation.ts";

export interface LoadOptions extends HostContext {
  /** What messages call the file. */
  readonly file: string;
  /** Directory that `./relative` repositories are relative to. Default: the working directory. */
  readonly directory?: string;
  /** The stack's own file, which is laid over it. Default: none. */
  readonly overlay?: NamedText | undefined;
}

/** A projects.yaml that was read. */
export interface LoadedProjects {
  readonly projects: Project[];
  /** What is no error and still likely not meant. */
  readonly warnings: readonly Problem[];
  /** The file as written, with the stack's own laid over it. */
  readonly value: unknown;
  /** Names of the files that were read. */
  readonly files: readonly string[];
}

/**
 * Reads projects.yaml: checked, defaults merged in, in the order of the file.
 * @throws UserError with every problem of the file at once, in the order of the file; nothing else.
 */
export const loadProjects = (text: string, options: LoadOptions): Project[] =>
  examineProjects(text, options).projects;

/** Reads projects.yaml, with all that is to be said of it. @throws UserError as loadProjects does */
export function examineProjects(text: string, options: LoadOptions): LoadedProjects {
  const directory = options.directory ?? process.cwd();
  const { document, problems, idle } = readDocument({ file: options.file, text }, options.overlay);
  const { isDirectory } = options;
  const locks = options.lockOf
    ? {}
    : { lockOf: locksIn(directory), ownLockOf: locksIn(directory, options.stack) };
  const context = {
    ...options,
    directory,
    ...locks,
    ...(isDirectory ? { isDirectory: (path: string) => isDirectory(resolve(directory, path)) } : {}),
  };
  const schema = checkSchema(document);
  const rules = checkRules(document, context).map((violation) => locate(document, violation));
  const found = withoutDuplicates(withoutDuplicates(problems, schema.problems), rules);
  if (found.length > 0 || !schema.data) throw toUserError(found);
  const likely = [...checkMcpCommands(document, context), ...warnOfDeployKeys(document)];
  const warnings = [...idle, ...likely.map((violation) => locate(document, violation))].map(toProblem);
  return {
    projects: normalise(schema.data, context),
    warnings,
    value: document.value,
    files: [options.file, ...(options.overlay ? [options.overlay.file] : [])],
  };
}

/**
 * Reads a projects.yaml from disk, with the stack's own file beside it; `./relative` repositories are relative to its directory.
 * @throws UserError as loadProjects does, and when a file cannot be read.
 */
export function readProjectsFile(
  path: string,
  options: Omit<LoadOptions, "directory" | "file" | "overlay"> & { file?: string },
): LoadedProjects {
  const file = options.file ?? PROJECTS_FILE;
  const directory = dirname(resolve(path));
  return examineProjects(readText(path, file), {
    ...options,
    file,
    directory,
    overlay: readOverlay(directory, options.stack),
  });
}

/** A stack's own file in a checkout, if it has one. @throws UserError when it cannot be read */
export function readOverlay(directory: string, stack: string): NamedText | undefined {
  const file = overlayFile(stack);
  const path = join(directory, file);
  return existsSync(path) ? { file, text: readText(path, file) } : undefined;
}

/** Both files as one. @throws UserError where one of them is not what can be looked at further */
function readDocument(
  main: NamedText,
  overlay: NamedText | undefined,
): {
  readonly document: ProjectsDocument;
  readonly problems: readonly Located[];
  /** What of the stack's own file has no effect. */
  readonly idle: readonly Located[];
} {
  const base = { file: main.file, yaml: parseYaml(main.text) };
  const over = overlay && { file: overlay.file, yaml: parseYaml(overlay.text) };
  const fatal = [...unusable(base, describeRoot), ...(over ? unusable(over, describeOverlayRoot) : [])];
  if (fatal.length > 0) throw toUserError(fatal);
  const ofBase = findingsIn(base);
  if (!over) return { document: documentOf(base), problems: ofBase, idle: [] };
  const { document, violations, warnings } = layOver(base, over);
  const located = ({ path, what, fix, atKey }: Violation): Located => ({
    place: placeIn(over, path, atKey ? "key" : "value", AFTER_BASE),
    what,
    fix,
  });
  const found = [...ofBase, ...findingsIn(over, AFTER_BASE)];
  return {
    document,
    problems: withoutDuplicates(found, violations.map(located)),
    idle: warnings.map(located),
  };
}

/** The findings of a file that nothing more can be said of. */
function unusable(source: NamedYaml, describe: (value: unknown) => What | undefined): Located[] {
  const { value, findings } = source.yaml;
  if (value === undefined) return findingsIn(source);
  const what = describe(value);
  if (!what || findings.length > 0) return [];
  return [{ place: placeIn(source, []), ...what }];
}

const findingsIn = (source: NamedYaml, first = 0): Located[] =>
  source.yaml.findings.map(({ path, offset, what, fix }) => ({
    place: { file: source.file, path, ...source.yaml.position(offset), order: first + offset },
    what,
    fix,
  }));

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

type What = Pick<Violation, "what" | "fix">;

function describeRoot(value: unknown): What | undefined {
  const fix = "start with projects: and one entry per project";
  if (value === null) return { what: "is empty", fix };
  if (!isMap(value)) return { what: "is not a map (key: value)", fix };
  return undefined;
}

/** One of comments alone changes nothing. */
const describeOverlayRoot = (value: unknown): What | undefined =>
  value === null || isMap(value)
    ? undefined
    : { what: "is not a map (key: value)", fix: `write keys as in ${PROJECTS_FILE}, or exclude: [name]` };

/** A problem with its place. */
interface Located extends What {
  readonly place: Place;
}

function checkSchema(document: ProjectsDocument): { data?: ProjectsFile; problems: Located[] } {
  const result = projectsFile.safeParse(document.value, {
    error: (issue) => describeIssue(issue, document.sourceOf(pathOf(issue.path))),
  });
  if (result.success) return { data: result.data, problems: [] };
  const problems = result.error.issues.flatMap((issue) => {
    const path = pathOf(issue.path);
    if (issue.code === "unrecognized_keys") {
      const lines = issue.message.split("\n");
      return issue.keys.map((key, index) =>
        locate(document, {
          path: [...path, key],
          what: lines[index] ?? "is not a valid key here",
          atKey: true,
        }),
      );
    }
    const fix =
      issue.code === "custom" && typeof issue.params?.fix === "string" ? issue.params.fix : undefined;
    return [locate(document, { path, what: issue.message, fix, atKey: issue.code === "invalid_key" })];
  });
  return { problems };
}

const pathOf = (path: readonly PropertyKey[] = []): Path => path.filter((step) => typeof step !== "symbol");

const locate = (document: ProjectsDocument, { path, what, fix, atKey }: Violation): Located => ({
  place: document.placeOf(path, atKey ? "key" : "value"),
  what,
  fix,
});

/** Adds problems to earlier ones, without those that only follow from an earlier one at the same place. */
function withoutDuplicates(earlier: readonly Located[], later: readonly Located[]): Located[] {
  const key = ({ place: { file, path } }: Located) => JSON.stringify([file, path]);
  const known = new Set(earlier.map(key));
  return [...earlier, ...later.filter((each) => !known.has(key(each)))];
}

const toProblem = ({ place: { file, line, col, path }, what, fix }: Located): Problem => ({
  where: [`${file}:${line}:${col}`, formatPath(path)].filter(Boolean).join(" "),
  what,
  fix,
});

const toUserError = (found: readonly Located[]): UserError =>
  new UserError("config", found.toSorted((a, b) => a.place.order - b.place.order).map(toProblem));
