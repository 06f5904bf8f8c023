import type { OperationEvent } from "./types.ts";

/** Events of one operation that are kept; what is older is forgotten. */
const KEEP = 5000;

type WithoutId<T> = T extends unknown ? Omit<T, "id"> : never;
/** An event that has no number yet. */
export type NewEvent = WithoutId<OperationEvent>;

/** What has been told of one operation, for any number of followers. */
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

  /** Nothing more comes. */
  end(): void {
    this.#isEnded = true;
    this.#notifyFollowers();
  }

  #notifyFollowers(): void {
    this.#wake.resolve();
    this.#wake = Promise.withResolvers<void>();
  }

  /** Everything after the event of that id, then what comes, until the end. */
  async *follow(after: number): AsyncGenerator<OperationEvent> {
    for (let last = after; ; ) {
      const wake = this.#wake.promise;
      // An id that is not of this process's (its page has outlived a restart) is none at all.
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
