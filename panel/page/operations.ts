/** The list of running and recently ended operations, kept across reloads. */
import { getOperations } from "./api.ts";
import { byId, reconcile } from "./dom.ts";
import type { Operation } from "./model.ts";
import { OperationCard } from "./operation.ts";
import { hasEnded, visibleOperations } from "./progress.ts";

const KEY = "put-away";
const TICK = 1000;
/** Ticks between two refreshes while an operation is queued: a queued one has no events. */
const REFRESH_TICKS = 5;

function dismissed(): Set<string> {
  try {
    return new Set(JSON.parse(sessionStorage.getItem(KEY) ?? "[]") as string[]);
  } catch {
    return new Set();
  }
}

export class OperationList {
  readonly #section = byId("operations");
  readonly #list = byId("operations-list");
  readonly #cards = new Map<string, OperationCard>();
  readonly #putAway = dismissed();
  #asking: Promise<void> | undefined;

  constructor() {
    let ticks = 0;
    setInterval(() => {
      if (document.hidden) return;
      if (++ticks % REFRESH_TICKS === 0 && this.underWay) void this.refresh();
      this.#forget();
      for (const card of this.#cards.values()) card.tick(Date.now());
    }, TICK);
  }

  /** Shows an operation started on this page, and scrolls to it. */
  begun(operation: Operation): void {
    this.#card(operation);
    this.#arrange();
    const card = this.#cards.get(operation.id);
    card?.element.scrollIntoView({ block: "nearest" });
    void this.refresh();
  }

  /** Loads the operations; concurrent calls share one request. */
  refresh(): Promise<void> {
    this.#asking ??= this.#refresh().finally(() => {
      this.#asking = undefined;
    });
    return this.#asking;
  }

  async #refresh(): Promise<void> {
    const operations = await getOperations().catch(() => undefined);
    if (!operations) return;
    for (const operation of visibleOperations(operations, Date.now(), this.#putAway)) this.#card(operation);
    for (const operation of operations) this.#cards.get(operation.id)?.set(operation);
    this.#arrange();
  }

  #card(operation: Operation): void {
    if (this.#cards.has(operation.id)) return;
    const card = new OperationCard(
      operation,
      () => void this.refresh(),
      () => this.#away(operation.id),
    );
    this.#cards.set(operation.id, card);
  }

  /** Removes old cards, except one that has the focus. */
  #forget(): void {
    const operations = [...this.#cards.values()].map(({ operation }) => operation);
    const shown = new Set(visibleOperations(operations, Date.now(), this.#putAway).map(({ id }) => id));
    for (const [id, card] of this.#cards) {
      if (shown.has(id) || card.element.contains(document.activeElement)) continue;
      card.close();
      this.#cards.delete(id);
    }
    this.#arrange();
  }

  #away(id: string): void {
    this.#cards.get(id)?.close();
    this.#cards.delete(id);
    this.#putAway.add(id);
    try {
      sessionStorage.setItem(KEY, JSON.stringify([...this.#putAway].slice(-100)));
    } catch {
      // Storage is blocked: the card is back after a reload.
    }
    this.#arrange();
    byId("main").focus();
  }

  /** Whether an operation is queued or running. */
  get underWay(): boolean {
    return [...this.#cards.values()].some(({ operation }) => !hasEnded(operation));
  }

  #arrange(): void {
    const cards = [...this.#cards.values()].sort(
      (one, other) => Date.parse(other.operation.createdAt) - Date.parse(one.operation.createdAt),
    );
    reconcile(
      this.#list,
      cards.map(({ element }) => element),
    );
    this.#section.hidden = cards.length === 0;
  }
}
