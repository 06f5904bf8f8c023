import type { Problem } from "../../errors.ts";
import { parseJson } from "../../text/json.ts";

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
