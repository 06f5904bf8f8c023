/** What people mean by a time. Pure. */

const DAY_MS = 86_400_000;

/** A time in milliseconds, of which a day alone means its end, in UTC, as in the storage program; NaN for what is none. */
export const momentOf = (text: string): number =>
  Date.parse(text) + (/^\d{4}-\d{2}-\d{2}$/.test(text) ? DAY_MS - 1 : 0);
