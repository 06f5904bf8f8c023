/** What the figures have started and have to take away again, however they end. */
export class Cleaning {
  readonly #works: (() => Promise<void>)[] = [];

  /** Keeps what ends something. Answers the same, to be called as soon as it is not needed any more: it is done once. */
  add(work: () => Promise<void>): () => Promise<void> {
    let done: Promise<void> | undefined;
    const ended = () => {
      done ??= work().finally(() => this.#works.splice(this.#works.indexOf(ended), 1));
      return done;
    };
    this.#works.push(ended);
    return ended;
  }

  /** Ends all that is left, the latest first. What fails does not keep the others from it; the first failure is thrown at the end. */
  async all(): Promise<void> {
    const failures: unknown[] = [];
    for (const work of this.#works.toReversed()) await work().catch((error: unknown) => failures.push(error));
    if (failures.length > 0) throw failures[0];
  }
}
