/** Cleanup of everything that the figures started, however they end. */
export class Cleaning {
  readonly #works: (() => Promise<void>)[] = [];

  /** Registers a cleanup. Returns it, to run it early; it runs only once. */
  add(work: () => Promise<void>): () => Promise<void> {
    let done: Promise<void> | undefined;
    const ended = () => {
      done ??= work().finally(() => this.#works.splice(this.#works.indexOf(ended), 1));
      return done;
    };
    this.#works.push(ended);
    return ended;
  }

  /**
   * Runs all remaining cleanups, latest first. A failure does not stop the others; the first one is thrown at
   * the end.
   */
  async all(): Promise<void> {
    const failures: unknown[] = [];
    for (const work of this.#works.toReversed()) await work().catch((error: unknown) => failures.push(error));
    if (failures.length > 0) throw failures[0];
  }
}
