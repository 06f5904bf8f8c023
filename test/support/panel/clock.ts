/** The clock of a panel under test, adjustable while it runs. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const DAY_MS = 86_400_000;

export class PanelClock {
  readonly #file: string;

  /** @param file holds the offset, in milliseconds */
  constructor(file: string) {
    this.#file = file;
    this.set(0);
  }

  /** Sets the offset from the real time, in days; negative for the past. */
  set(days: number): void {
    writeFileSync(this.#file, String(days * DAY_MS));
  }

  /** Environment variables for the panel's process. */
  get env(): Readonly<Record<string, string>> {
    const preload = pathToFileURL(join(import.meta.dirname, "clock.mjs")).href;
    return { NODE_OPTIONS: `--import=${preload}`, OPENCODE_TEST_CLOCK: this.#file };
  }
}
