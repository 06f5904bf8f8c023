/** Durations in Go's form (`1h30m`): how long a login lasts, and after which time a project sleeps. */

import { show } from "../text/show.ts";
import type { ParseError } from "./reading.ts";

const SECONDS: Readonly<Record<string, number>> = {
  ns: 1e-9,
  us: 1e-6,
  µs: 1e-6,
  ms: 1e-3,
  s: 1,
  m: 60,
  h: 3600,
};
const PART = /(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)/g;
const WHOLE = new RegExp(`^(?:${PART.source})+$`);

/** The longest that Access keeps a session, a month; and the shortest that does not throw people out in mid-work. */
const LONGEST = { text: "730h", seconds: 730 * 3600 };
const SHORTEST = { text: "15m", seconds: 15 * 60 };

/** A duration in Go's form, which is Access's: `24h`, `1h30m`. */
export function parseSessionDuration(text: string): string | ParseError {
  const seconds = parseDuration(text);
  if (seconds === undefined) return durationMistake(text, "24h, 1h30m", LONGEST.seconds);
  if (seconds > LONGEST.seconds)
    return {
      mistake: `${show(text)} is longer than Access allows: at most ${LONGEST.text}`,
      instead: LONGEST.text,
    };
  if (seconds < SHORTEST.seconds)
    return {
      mistake: `${show(text)} is too short: at least ${SHORTEST.text}`,
      instead: SHORTEST.text,
    };
  return text;
}

/** The seconds of a duration such as `24h`, `1h30m`; undefined for a text that is none. */
export function parseDuration(text: string): number | undefined {
  if (!WHOLE.test(text)) return undefined;
  let seconds = 0;
  for (const [, amount, unit = "s"] of text.matchAll(PART)) seconds += Number(amount) * (SECONDS[unit] ?? 0);
  return seconds;
}

/**
 * What is said of a text that is no duration.
 * @param examples what one looks like
 * @param longest seconds; nothing longer is proposed
 */
export function durationMistake(text: string, examples: string, longest: number): ParseError {
  const mistake = `${show(text)} is not a duration (e.g. ${examples}; h is the largest unit)`;
  const [, amount, unit] = /^(\d{1,3})\s*(d|days?|w|weeks?|h|hours?|)$/i.exec(text) ?? [];
  if (amount === undefined) return { mistake };
  const hours = Number(amount) * (/^w/i.test(unit ?? "") ? 168 : /^d/i.test(unit ?? "") ? 24 : 1);
  const isUsual = hours > 0 && hours * 3600 <= longest;
  return { mistake, ...(isUsual && { instead: `${hours}h` }) };
}
