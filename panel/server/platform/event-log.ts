import type { OperationEvent } from "./types.ts";

/** Maximum events kept per operation; older ones are dropped. */
const KEEP = 5000;

type WithoutId<T> = T extends unknown ? Omit<T, "id"> : never;
/** An event without its id. */
export type NewEvent = WithoutId<OperationEvent>;

/** Events of one operation, for any number of followers. */
export class EventLog {
  #events: OperationEvent[] = [];
  #nextId = 1;
  #isEnded = false;
  #wake = Promise.withResolvers<void>();

  push(event: NewEvent): void {
    this.#events.push({ ...event, id: this.#nextId++ });
    if (this.#events.length > KEEP) this.#events = this.#events.slice(-KEEP);
    this.#notifyFollowers();
  }

  /** Ends the log and its followers. */
  end(): void {
    this.#isEnded = true;
    this.#notifyFollowers();
  }

  #notifyFollowers(): void {
    this.#wake.resolve();
    this.#wake = Promise.withResolvers<void>();
  }

  /** Yields events after an id, then new ones, until the end. */
  async *follow(after: number): AsyncGenerator<OperationEvent> {
    for (let last = after; ; ) {
      const wake = this.#wake.promise;
      // An id of a previous process (the page outlived a restart): start over.
      if (last >= this.#nextId) last = 0;
      const news = this.#events.filter(({ id }) => id > last);
      for (const event of news) {
        last = event.id;
        yield event;
      }
      if (news.length > 0) continue;
      if (this.#isEnded) return;
      await wake;
    }
  }
}
