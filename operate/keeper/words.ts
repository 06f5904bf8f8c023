/** How times of the keeper's are shown in a terminal. Pure. */

/** A time to the minute, the same on every machine: `2026-11-30 03:12 UTC`. */
export const minuteOf = (iso: string): string =>
  `${new Date(iso).toISOString().slice(0, 16).replace("T", " ")} UTC`;
