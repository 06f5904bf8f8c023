import type { Problem } from "../errors.ts";
import { parseJson } from "../text/json.ts";
import { closest } from "../text/show.ts";
import { removePathCommand } from "./commands.ts";

/** What a structured setting says, or everything that is wrong with it. */
export interface Parsed<T> {
  /** Absent where there are problems. */
  readonly value?: T;
  readonly problems: readonly Problem[];
}

export const isMap = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** A structured setting as Pulumi keeps it: JSON. Undefined for anything but a map. */
export function parseMap(text: string): Readonly<Record<string, unknown>> | undefined {
  const value = parseJson(text);
  return isMap(value) ? value : undefined;
}

/**
 * Keys of a map that it can't have.
 * @param at the full key of a part: `opencode-platform:registries.npm.url`
 */
export const unknownKeys = (
  map: Readonly<Record<string, unknown>>,
  known: readonly string[],
  at: (key: string) => string,
  stack: string,
): Problem[] =>
  Object.keys(map)
    .filter((key) => !known.includes(key))
    .map((key) => {
      const guess = closest(key, known);
      const what = `is not a key here; ${guess ? `did you mean ${guess}?` : `there are ${known.join(", ")}`}`;
      return { where: at(key), what, fix: removePathCommand(at(key), stack) };
    });
