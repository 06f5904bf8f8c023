// What a repository brings that opencode would run or obey: for a person who is asked whether to trust it. Reads files, and runs
// nothing.
import { lstatSync, readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";

/** Bytes of a settings file that are read. */
const MAX_BYTES = 256 * 1024;
/** Files of one kind that are named. */
const MAX_NAMED = 50;
/** Characters of a name or value that are shown. */
const MAX_TEXT = 120;

/** Folders below `.opencode` and what is in them, by the kind that people know. */
const FOLDERS = [
  ["plugins", /^plugins?$/, "run in opencode's server, with all that it can do"],
  ["tools", /^tools?$/, "run in opencode's server when the agent calls them"],
  ["agents", /^(agents?|modes?)$/, "may have permissions of their own"],
  ["commands", /^commands?$/, "prompts, some of which run a command"],
  ["skills", /^skills?$/, "instructions for the agent"],
];
const SETTINGS = ["opencode.json", "opencode.jsonc", ".opencode/opencode.json", ".opencode/opencode.jsonc"];
const INSTRUCTIONS = ["AGENTS.md", "CLAUDE.md", "CONTEXT.md", ".claude/skills"];
const HOOKS = [".husky", "lefthook.yml", ".lefthook.yml", ".pre-commit-config.yaml", ".githooks", ".envrc"];

/** Without what could draw on a page or turn its direction. */
export const plain = (value, most = MAX_TEXT) => {
  const text = (typeof value === "string" ? value : JSON.stringify(value)) ?? "";
  const shown = text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, " ");
  return shown.length > most ? `${shown.slice(0, most)}…` : shown;
};

const isMap = (value) => typeof value === "object" && value !== null && !Array.isArray(value);

function kindOf(path) {
  const found = lstatSync(path, { throwIfNoEntry: false });
  return found?.isFile() ? "file" : found?.isDirectory() ? "folder" : found ? "other" : undefined;
}

/** The files below a folder. A link is named, and not followed. */
function filesBelow(folder, depth = 4) {
  if (kindOf(folder) === "other") return [folder];
  if (kindOf(folder) !== "folder") return [];
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() && depth > 0 ? filesBelow(path, depth - 1) : [path];
  });
}

/** JSON with comments and trailing commas, as opencode reads it. Text in quotes stays as it is. */
export function parseSettings(text) {
  const code = text
    .replace(/("(?:\\.|[^"\\])*")|\/\/[^\n]*|\/\*[\s\S]*?\*\//g, (_, quoted) => quoted ?? " ")
    .replace(/("(?:\\.|[^"\\])*")|,(?=\s*[}\]])/g, (_, quoted) => quoted ?? "");
  return JSON.parse(code);
}

/** The settings that a map has and another says otherwise, as `permission.bash: allow`. */
function* differences(own, platform, path = []) {
  for (const [key, value] of Object.entries(own)) {
    const at = [...path, key];
    const other = isMap(platform) ? platform[key] : undefined;
    if (isMap(value) && isMap(other)) yield* differences(value, other, at);
    else if (JSON.stringify(value) !== JSON.stringify(other)) yield { name: at.join("."), value, other };
  }
}

/** What a settings file of the repository says, as lines; those that the platform says otherwise come with its value. */
function settingsLines(file, workspace, platform) {
  const path = join(workspace, file);
  const kind = kindOf(path);
  if (kind === undefined) return [];
  if (kind !== "file") return [`${file} is not a plain file`];
  if (lstatSync(path).size > MAX_BYTES) return [`${file} is too large to be shown`];
  let settings;
  try {
    settings = parseSettings(readFileSync(path, "utf8"));
  } catch {
    return [`${file} can't be read as JSON; opencode may read it differently`];
  }
  if (!isMap(settings)) return [`${file} holds no settings`];
  return [...differences(settings, platform)]
    .filter(({ name }) => name !== "$schema")
    .map(({ name, value, other }) => {
      const instead = other === undefined ? "" : ` (the platform says ${plain(other)})`;
      return `${file}: ${plain(name)}: ${plain(value)}${instead}`;
    });
}

/**
 * @param {string} workspace the folder of the clone
 * @param {object} platform the platform's own settings of opencode
 * @returns {{title: string, note: string, lines: string[]}[]} what it brings, by kind; only kinds that there are
 */
export function listBrought(workspace, platform) {
  const below = (path) => plain(relative(workspace, path));
  const dotFolder = join(workspace, ".opencode");
  const inFolders = kindOf(dotFolder) === "folder" ? readdirSync(dotFolder) : [];
  const kinds = FOLDERS.map(([title, pattern, note]) => ({
    title,
    note,
    lines: inFolders
      .filter((name) => pattern.test(name))
      .flatMap((name) => filesBelow(join(dotFolder, name)))
      .map(below),
  }));
  const present = (paths) => paths.filter((path) => kindOf(join(workspace, path)) !== undefined);
  const dependencies = present([".opencode/package.json", ".opencode/bun.lock"]);
  const found = [
    ...kinds,
    {
      title: "settings",
      note: "opencode.json of the repository, where it differs from the platform's; plugin and mcp name programs that are run",
      lines: SETTINGS.flatMap((file) => settingsLines(file, workspace, platform)),
    },
    { title: "packages", note: "installed for plugins and tools", lines: dependencies },
    { title: "instructions", note: "read by the agent in each session", lines: present(INSTRUCTIONS) },
    { title: "hooks", note: "run by git or a shell, once they are installed", lines: present(HOOKS) },
    ...(kindOf(dotFolder) === "other"
      ? [{ title: "links", note: "not looked into", lines: [".opencode is a link"] }]
      : []),
  ];
  return found
    .filter(({ lines }) => lines.length > 0)
    .map(({ lines, ...kind }) => ({
      ...kind,
      lines:
        lines.length > MAX_NAMED
          ? [...lines.slice(0, MAX_NAMED), `… and ${lines.length - MAX_NAMED} more`]
          : lines,
    }));
}
