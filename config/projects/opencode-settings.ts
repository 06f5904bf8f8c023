/**
 * The rules of `opencode.config` and `opencode.enforce`: settings that the project's release of opencode takes, by its own schema. opencode itself
 * drops an unknown key in silence; with a wrong value, 1.x refuses every request and 2.x drops the setting.
 */
import * as z from "zod";
import { IMAGE_COMMANDS, SLIM_IMAGE_COMMANDS } from "../image-commands.ts";
import { acceptedSettings, type Major, ownSettings } from "../opencode-settings.ts";
import { closest, show } from "../text/show.ts";
import type { Path } from "../text/yaml.ts";
import type { ProjectsDocument } from "./document.ts";
import { hasOwnEnvironment } from "./environment.ts";
import { describeIssue, knownKeys, type RawIssue } from "./messages.ts";
import { asJson, mergeJson } from "./normalise.ts";
import { releaseNamed } from "./releases.ts";
import { listOf, mapOf, type UncheckedMap } from "./rough.ts";
import { plainIssues } from "./union-issues.ts";
import type { HostContext, Violation } from "./violation.ts";

/** Settings of a project as it gets them: those of `defaults` with the entry's own over them. */
interface Merged {
  /** The project's exact release. */
  readonly release: string;
  readonly settings: UncheckedMap;
  /** Whether its image has more, or other programs, than the stack's. */
  readonly hasOwnImage: boolean;
  /** Where the entry's are, and those of `defaults`. */
  readonly own: Path;
  readonly shared: Path;
}

/** Settings of the terminal client, which opencode once had in the same file. */
const CLIENT_SETTINGS = ["keybinds", "theme", "tui"];
/** What opencode's patterns are for, by a part of each. */
const FORMS: readonly (readonly [pattern: string, form: string])[] = [
  ["[0-9a-fA-F]{6}", "a colour (e.g. #FF5733)"],
  ["[^/#]+\\/[^#]+", "a model: write provider/model (e.g. anthropic/claude-sonnet-4-5)"],
];
/** Most keys that a message lists. */
const MOST_LISTED = 12;

/** Settings that no release of the project's major takes. */
export function checkOpencodeSettings(document: ProjectsDocument): Violation[] {
  const violations = mergedSettings(document).flatMap((merged) => {
    const major = majorOf(merged.release);
    if (!major || Object.keys(merged.settings).length === 0) return [];
    const result = schemaOf(major).safeParse(merged.settings, {
      error: (issue) => describe(issue, major, merged.release),
    });
    return plainIssues(result.error?.issues ?? [], merged.settings).map(
      ({ path, message, atKey }): Violation => ({
        path: placed(document, merged, path),
        what: message,
        atKey,
      }),
    );
  });
  return onePerPath(violations);
}

/**
 * MCP servers that can't be started with what is in the image: no mistake, since somebody may install it in the project. Of an image of a project's
 * own nobody knows what is in it.
 */
export function checkMcpCommands(
  document: ProjectsDocument,
  { slimImage = false }: Pick<HostContext, "slimImage"> = {},
): Violation[] {
  const commands = slimImage ? SLIM_IMAGE_COMMANDS : IMAGE_COMMANDS;
  const violations = mergedSettings(document).flatMap((merged) =>
    (merged.hasOwnImage ? [] : localServers(merged.settings)).flatMap(({ path, command }): Violation[] => {
      if (command.includes("/") || commands.includes(command)) return [];
      const guess = closest(command, commands);
      const what = `${show(command)} is not in the image${guess ? `; did you mean ${guess}?` : ""}`;
      const fix = "start the server with npx or uvx, or install it in the project's home";
      return [{ path: placed(document, merged, path), what, fix }];
    }),
  );
  return onePerPath(violations);
}

/** The settings of each project; those of `defaults` alone where there is none. */
function mergedSettings({ value }: ProjectsDocument): Merged[] {
  const file = mapOf(value);
  const defaults = mapOf(mapOf(file.defaults).opencode);
  const entries = listOf(file.projects).map(mapOf);
  return (entries.length > 0 ? entries : [{}]).flatMap((entry: UncheckedMap, index) => {
    const own = mapOf(entry.opencode);
    const hasOwnImage = hasOwnEnvironment(entry, file.defaults);
    return ["config", "enforce"].map((key) => ({
      hasOwnImage,
      release: releaseNamed(versionIn(own) ?? versionIn(defaults)),
      settings: mergeJson(asJson(mapOf(defaults[key])), asJson(mapOf(own[key]))),
      own: ["projects", index, "opencode", key],
      shared: ["defaults", "opencode", key],
    }));
  });
}

const versionIn = ({ version }: UncheckedMap): string | number | undefined =>
  typeof version === "string" || typeof version === "number" ? version : undefined;

const majorOf = (release: string): Major | undefined =>
  release.startsWith("1.") ? 1 : release.startsWith("2.") ? 2 : undefined;

const schemas = new Map<Major, z.ZodType>();

/** Made when the first project has settings: most have none. */
function schemaOf(major: Major): z.ZodType {
  const schema =
    schemas.get(major) ?? z.fromJSONSchema(acceptedSettings(major) as z.core.JSONSchema.JSONSchema);
  schemas.set(major, schema);
  return schema;
}

function describe(issue: RawIssue, major: Major, release: string): string {
  if (issue.code === "invalid_format") {
    const form =
      FORMS.find(([pattern]) => issue.pattern?.includes(pattern))?.[1] ?? `text like ${issue.pattern}`;
    return `${show(issue.input)} is not ${form}`;
  }
  if (issue.code !== "unrecognized_keys") return describeIssue(issue);
  const known = knownKeys(issue.inst);
  const isRoot = known.includes("$schema");
  return issue.keys
    .map((key) => describeUnknown(key, known, isRoot ? { major, release } : undefined))
    .join("\n");
}

/** @param root at the settings' top level: what reads them */
function describeUnknown(
  key: string,
  known: readonly string[],
  root?: { readonly major: Major; readonly release: string },
): string {
  const guess = closest(key, known);
  const instead = guess ? `; did you mean ${guess}?` : "";
  if (root && CLIENT_SETTINGS.includes(key))
    return "is a setting of the terminal client, which people make on their own machines";
  if (root?.major === 1 && Object.hasOwn(ownSettings(2).properties ?? {}, key))
    return `is a setting of opencode 2, and this project runs ${root.release}${instead}`;
  const listed = known.length > 0 && known.length <= MOST_LISTED ? `; valid keys: ${known.join(", ")}` : "";
  return `is not a valid key here${instead || listed}`;
}

/** Where a setting is written: the place that has more of its path. */
function placed({ has }: ProjectsDocument, { own, shared }: Merged, steps: Path): Path {
  const reach = (root: Path) => {
    const lengths = steps.map((_, index) => steps.length - index).concat(0);
    return lengths.find((length) => has([...root, ...steps.slice(0, length)])) ?? -1;
  };
  return [...(reach(own) >= reach(shared) ? own : shared), ...steps];
}

/** A mistake of `defaults` is found in every project, and said once. */
function onePerPath(violations: readonly Violation[]): Violation[] {
  const known = new Map(
    violations.toReversed().map((violation) => [JSON.stringify(violation.path), violation]),
  );
  return violations.filter((violation) => known.get(JSON.stringify(violation.path)) === violation);
}

/** The enabled MCP servers that are started in the container, as 1.x and 2.x write them. */
function localServers({ mcp }: UncheckedMap): { readonly path: Path; readonly command: string }[] {
  const { servers, ...direct } = mapOf(mcp);
  const found: (readonly [path: Path, server: unknown])[] = [
    ...Object.entries(direct).map(([name, server]) => [["mcp", name], server] as const),
    ...Object.entries(mapOf(servers)).map(([name, server]) => [["mcp", "servers", name], server] as const),
  ];
  return found.flatMap(([path, server]) => {
    const { command, enabled, disabled } = mapOf(server);
    const [program] = listOf(command);
    const isOff = enabled === false || disabled === true;
    return typeof program === "string" && !isOff ? [{ path: [...path, "command", 0], command: program }] : [];
  });
}
