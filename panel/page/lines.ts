/** Lines of a log, before they are shown. Pure. */
import type { LogLine } from "./model.ts";

// biome-ignore lint/suspicious/noControlCharactersInRegex: colours and the like are control characters
const ESCAPES = /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|[@-Z\\-_])/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: what a terminal would act on says nothing here
const CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f]/g;

/** A line's text without what a terminal would act on: colours, cursor movements, bells. */
export const plain = (text: string): string => text.replace(ESCAPES, "").replace(CONTROLS, "");

/**
 * Lets each line through once. A stream that is opened again begins with lines that were already seen: times of one log
 * never go back, so what is older than the last line seen is known, and of that line's own moment the texts are remembered.
 */
export class LineDeduplicator {
  #last = "";
  #seen = new Set<string>();
  #isReplaying = false;

  /** Says that the stream was opened again. */
  reconnected(): void {
    this.#isReplaying = true;
  }

  /** Whether a line was not seen yet. */
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

/** The end of a list, `most` items long at most. */
export const lastOf = <T>(list: readonly T[], most: number): T[] => list.slice(-most);

/** Lines as text for the clipboard. */
export const asText = (lines: readonly LogLine[], times: boolean): string =>
  lines.map(({ at, text }) => `${times ? `${at} ` : ""}${plain(text)}`).join("\n");
