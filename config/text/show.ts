/** Words shared by every message: how a value is shown, and which known word an unknown one is closest to. */
import { distance } from "fastest-levenshtein";

/** A value as a message shows it: short texts and numbers as written, anything bigger by its kind. */
export function show(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.length > 60 ? `${value.slice(0, 57)}…` : value);
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object" && value !== null) return "a map";
  return String(value);
}

/** A text with its first letter as a capital. */
export const capitalised = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

/** The candidate that an unknown word is most likely a misspelling of, or undefined when none is close. */
export function closest(word: string, candidates: readonly string[]): string | undefined {
  const lower = word.toLowerCase();
  const allowed = lower.length <= 3 ? 1 : lower.length <= 6 ? 2 : 3;
  let best: { candidate: string; edits: number } | undefined;
  for (const candidate of candidates) {
    if (Math.abs(candidate.length - lower.length) > allowed) continue;
    const edits = editDistance(lower, candidate.toLowerCase());
    if (edits <= allowed && edits < candidate.length && edits < (best?.edits ?? Infinity))
      best = { candidate, edits };
  }
  return best?.candidate;
}

/** Insertions, deletions and replacements that turn one word into the other; one swap of neighbours counts as one of them. */
const editDistance = (a: string, b: string): number =>
  Math.min(distance(a, b), ...swapped(a).map((word) => 1 + distance(word, b)));

/** The words that differ from a word by two neighbouring letters in the other order. */
const swapped = (word: string): string[] =>
  Array.from(
    { length: Math.max(0, word.length - 1) },
    (_, at) => word.slice(0, at) + word[at + 1] + word[at] + word.slice(at + 2),
  );
