/** The commands of a devcontainer.json as the lines of bash that an entry's `setup` is. */
import { shellQuote } from "../text/shell.ts";

/** The keys of commands, in the order in which the specification runs them: those that prepare a container once, and those of each start. */
export const LIFECYCLE = {
  setup: ["onCreateCommand", "updateContentCommand", "postCreateCommand"],
  start: ["postStartCommand"],
} as const;
/** When a command runs. */
export type Stage = keyof typeof LIFECYCLE;
export const COMMAND_KEYS = [...LIFECYCLE.setup, ...LIFECYCLE.start];

/** Ends with the exit code of the first that fails, since setup runs with `set -e`. */
// biome-ignore lint/suspicious/noTemplateCurlyInString: bash's
const WAIT = 'for each in "${started[@]}"; do wait "$each"; done';

/** A line for a shell, or a program with its arguments. */
type Single = string | readonly string[];
/** One command, or several with names, which run at the same time. */
export type Command = Single | Readonly<Record<string, Single>>;

const isList = (command: Command): command is readonly string[] => Array.isArray(command);

const lineOf = (command: Single): string =>
  typeof command === "string" ? command.trim() : command.map(shellQuote).join(" ");

/** Of blank lines and comments alone: bash takes no shell of those. */
const isEmpty = (line: string): boolean => line.split("\n").every((each) => /^\s*(?:#|$)/.test(each));

/**
 * In a shell of its own, as the specification has it: a `cd` of one is none of the next. On lines of its own, since a comment or a backslash at its
 * end would take the bracket.
 */
const apart = (line: string): string => `(\n${line}\n)`;

/** @param commands those of a stage that there are, in its order. @returns empty for none */
export function setupLines(commands: readonly Command[]): string {
  const parts = commands.flatMap((command): string[] => {
    if (typeof command === "string" || isList(command)) return [lineOf(command)];
    const lines = Object.values(command)
      .map(lineOf)
      .filter((line) => !isEmpty(line));
    if (lines.length < 2) return lines;
    const started = lines.map((line) => `${apart(line)} & started+=($!)`);
    return [["started=()", ...started, WAIT].join("\n")];
  });
  const filled = parts.filter((part) => !isEmpty(part));
  return filled.length > 1 ? filled.map(apart).join("\n") : (filled[0] ?? "");
}
