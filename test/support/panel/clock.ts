/** The clock of a panel under test, which can be put forward and back while it runs. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const DAY_MS = 86_400_000;

export class PanelClock {
  readonly #file: string;

  /** @param file where it is kept how far it is off */
  constructor(file: string) {
    this.#file = file;
    this.set(0);
  }

  /** Puts it so many days off the real time; before that where negative. */
  set(days: number): void {
    writeFileSync(this.#file, String(days * DAY_MS));
  }

  /** What the panel's process needs in its environment to go by it. */
  get env(): Readonly<Record<string, string>> {
    const preload = pathToFileURL(join(import.meta.dirname, "clock.mjs")).href;
    return { NODE_OPTIONS: `--import=${preload}`, OPENCODE_TEST_CLOCK: this.#file };
  }
}
