/** A file that may be wrong anywhere, looked at part by part. */
export type UncheckedMap = Readonly<Record<string, unknown>>;

export const isMap = (value: unknown): value is UncheckedMap =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** A map, or an empty one where there is something else. */
export const mapOf = (value: unknown): UncheckedMap => (isMap(value) ? value : {});

/** A list, or an empty one where there is something else. */
export const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
