/** Milliseconds of a day. */
export const DAY_MS = 86_400_000;

/** The day of a time, in UTC: `2026-11-29`. @param at a date, or milliseconds since 1970 */
export const isoDay = (at: Date | number): string => new Date(at).toISOString().slice(0, 10);

/** A time to the minute, the same on every machine: `2026-11-30 03:12 UTC`. @param at ISO 8601, or milliseconds since 1970 */
export const isoMinute = (at: string | number): string =>
  `${new Date(at).toISOString().slice(0, 16).replace("T", " ")} UTC`;
