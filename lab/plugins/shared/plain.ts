/** Reads plain values that a schema has already checked. */
import { isPlainProps, type Plain, type PlainProps } from "./values.ts";

export function str(value: Plain | undefined): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

export function num(value: Plain | undefined): number | undefined {
  return typeof value === "number" ? value : undefined;
}

export function bool(value: Plain | undefined): boolean | undefined {
  return typeof value === "boolean" ? value : undefined;
}

export function strings(value: Plain | undefined): string[] {
  return Array.isArray(value) ? value.map((item) => (typeof item === "string" ? item : "")) : [];
}

export function records(value: Plain | undefined): PlainProps[] {
  return Array.isArray(value) ? value.filter(isPlainProps) : [];
}

export function record(value: Plain | undefined): PlainProps | undefined {
  return isPlainProps(value) ? value : undefined;
}

/** A map of strings. */
export function texts(value: Plain | undefined): Record<string, string> {
  const entries = Object.entries(record(value) ?? {});
  return Object.fromEntries(
    entries.map(([key, item]) => [key, typeof item === "string" ? item : String(item)]),
  );
}

/** The object without undefined values. */
export function compact<T extends object>(value: T): Partial<T> {
  const entries = Object.entries(value).filter(([, item]) => item !== undefined);
  return Object.fromEntries(entries) as Partial<T>;
}
