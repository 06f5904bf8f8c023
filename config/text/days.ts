/** Milliseconds of a day. */
export const DAY_MS = 86_400_000;

/** The day of a time, in UTC: `2026-11-29`. @param at a date, or milliseconds since 1970 */
export const isoDay = (at: Date | number): string => new Date(at).toISOString().slice(0, 10);
