/** Prepares a log's lines for display. Pure. */
import type { LogLine } from "./model.ts";

// biome-ignore lint/suspicious/noControlCharactersInRegex: colours and the like are control characters
const ESCAPES = /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|[@-Z\\-_])/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are not displayed
const CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f]/g;

/** A line's text without control sequences: colours, cursor movements, bells. */
export const plain = (text: string): string => text.replace(ESCAPES, "").replace(CONTROLS, "");

/**
 * Drops repeated lines. A reopened stream begins with lines already seen. Times in a log never go back, so older lines are
 * repeats, and texts with the last line's time are remembered.
 */
export class LineDeduplicator {
  #last = "";
  #seen = new Set<string>();
  #isReplaying = false;

  /** Call it when the stream was reopened. */
  reconnected(): void {
    this.#isReplaying = true;
  }

  /** Whether a line is new. */
  isNew({ at, stream, text }: LogLine): boolean {
    const key = `${stream} ${text}`;
    if (this.#isReplaying && (at < this.#last || (at === this.#last && this.#seen.has(key)))) return false;
    this.#isReplaying = false;
    if (at !== this.#last) this.#seen.clear();
    this.#last = at;
    this.#seen.add(key);
    return true;
  }
}

/** The last items of a list, at most `most`. */
export const lastOf = <T>(list: readonly T[], most: number): T[] => list.slice(-most);

/** Lines as text for the clipboard. */
export const asText = (lines: readonly LogLine[], times: boolean): string =>
  lines.map(({ at, text }) => `${times ? `${at} ` : ""}${plain(text)}`).join("\n");
