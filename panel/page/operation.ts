/** The card of an operation: progress, steps per resource, and the result. */
import { announce } from "./announce.ts";
import { paths } from "./api.ts";
import { attribute, h, setText } from "./dom.ts";
import { Stream } from "./events.ts";
import type { Message, Operation, Progress } from "./model.ts";
import {
  emptyTimeline,
  hasEnded,
  type Step,
  shareOf,
  type Timeline,
  withMessage,
  withProgress,
} from "./progress.ts";
import { ago, duration, exactTime, stepLabel, typeLabel } from "./words.ts";

const STATES: Record<Operation["state"], readonly [symbol: string, tone: string]> = {
  queued: ["…", "idle"],
  running: ["◐", "busy"],
  succeeded: ["✓", "good"],
  failed: ["✕", "bad"],
  interrupted: ["▲", "bad"],
};
const SYMBOLS: Record<Step["status"], string> = { begun: "◐", done: "✓", failed: "✕" };

function stepElement(step: Step): HTMLElement {
  return h(
    "li",
    { "data-status": step.status },
    h("span", { "aria-hidden": "true" }, SYMBOLS[step.status] ?? "·"),
    h("span", { class: "op" }, stepLabel(step)),
    h("span", {}, typeLabel(step.type)),
    h("strong", {}, step.name),
    step.message !== undefined && h("pre", {}, step.message),
  );
}

const messageElement = ({ severity, text }: Message) =>
  h("li", { "data-severity": severity }, h("span", { class: "op" }, severity), h("pre", {}, text.trimEnd()));

/** How long it took, or has been running. */
function timeText(operation: Operation, now: number): string {
  const from = Date.parse(operation.startedAt ?? operation.createdAt);
  if (operation.state === "queued") return "waiting";
  if (!operation.endedAt) return duration(now - from);
  return `took ${duration(Date.parse(operation.endedAt) - from)}, ${ago(operation.endedAt, now) ?? ""}`;
}

/** The card of an operation. It follows the events from the update's start to its end. */
export class OperationCard {
  readonly element: HTMLElement;
  readonly #state = h("p", { class: "state" });
  readonly #bar = h("progress", {});
  readonly #share = h("span", { class: "amount" });
  readonly #time = h("span", { class: "time" });
  readonly #last = h("p", { class: "last" });
  readonly #error = h("pre", { class: "alert", hidden: true });
  readonly #list = h("ol", {
    class: "steps",
    "aria-label": "Resources",
    // Focusable, so that it scrolls with the keyboard.
    tabindex: "0",
  });
  readonly #dismissButton: HTMLButtonElement;
  readonly #ended: (operation: Operation) => void;
  readonly #steps = new Map<string, HTMLElement>();
  #timeline: Timeline;
  #stream: Stream | undefined;

  /**
   * @param ended called when the operation ends while the card is shown
   * @param away called when the card is dismissed
   */
  constructor(operation: Operation, ended: (operation: Operation) => void, away: () => void) {
    this.#timeline = emptyTimeline(operation);
    this.#ended = ended;
    this.#dismissButton = h(
      "button",
      { type: "button", class: "quiet", "aria-label": `Dismiss: ${operation.what}`, onclick: away },
      "✕",
    );
    this.#bar.setAttribute("aria-label", `Progress: ${operation.what}`);
    const person = h("span", { class: "person" }, `by ${operation.person}`);
    this.element = h(
      "article",
      { id: `operation-${operation.id}`, class: "operation", tabindex: "-1" },
      h("header", {}, h("h3", {}, operation.what), person, this.#state, this.#dismissButton),
      h("div", { class: "course" }, this.#bar, this.#share, this.#time),
      this.#last,
      this.#error,
      h("details", { ontoggle: () => this.#isExpanded() }, h("summary", {}, "Resources"), this.#list),
    );
    this.set(operation);
  }

  get operation(): Operation {
    return this.#timeline.operation;
  }

  /** Shows the operation's current state. */
  set(operation: Operation): void {
    const was = this.operation;
    this.#timeline = { ...this.#timeline, operation };
    if (!hasEnded(was) && hasEnded(operation)) {
      announce(`${operation.what}: ${operation.state}`);
      this.#ended(operation);
    }
    this.#follow();
    this.#show();
  }

  /** Updates the elapsed time. */
  tick(now: number): void {
    setText(this.#time, timeText(this.operation, now));
  }

  /** Stops following events. */
  close(): void {
    this.#stream?.close();
    this.#stream = undefined;
  }

  #follow(): void {
    if (hasEnded(this.operation)) this.close();
    else if (this.operation.state === "running") this.#stream ??= this.#open();
  }

  /** Loads the steps of an operation that ended before the page was opened, once they are expanded. */
  #isExpanded(): void {
    if (this.#list.childElementCount === 0) this.#stream ??= this.#open();
  }

  #open(): Stream {
    return new Stream(paths.operation(this.operation.id), {
      onOpen: () => this.#onReconnect(),
      on: {
        progress: (data) => this.#onProgress(data as Progress),
        message: (data) => this.#onMessage(data as Message),
        state: (data) => this.set(data as Operation),
      },
      onNotFound: () => this.close(),
    });
  }

  #onReconnect(): void {
    this.#timeline = emptyTimeline(this.operation);
    this.#steps.clear();
    this.#list.replaceChildren();
  }

  #onProgress(step: Progress): void {
    this.#timeline = withProgress(this.#timeline, step);
    const key = `${step.op} ${step.urn}`;
    const element = stepElement(step);
    const before = this.#steps.get(key);
    if (before) before.replaceWith(element);
    else this.#list.append(element);
    this.#steps.set(key, element);
    setText(this.#last, `${stepLabel(step)} ${typeLabel(step.type)} ${step.name}`);
    this.#show();
  }

  #onMessage(message: Message): void {
    this.#timeline = withMessage(this.#timeline, message);
    this.#list.append(messageElement(message));
    setText(this.#last, message.text.trim());
  }

  #show(): void {
    const { operation } = this;
    const [symbol, tone] = STATES[operation.state] ?? ["·", "idle"];
    const share = shareOf(this.#timeline);
    attribute(this.element, "data-state", operation.state);
    attribute(this.#state, "data-tone", tone);
    setText(this.#state, `${symbol} ${operation.state}`);
    attribute(this.#bar, "max", share.max ?? 1);
    attribute(
      this.#bar,
      "value",
      share.max === undefined && operation.state === "running" ? undefined : share.value,
    );
    attribute(this.#bar, "aria-valuetext", share.text || undefined);
    setText(this.#share, share.text);
    setText(this.#error, operation.error ?? "");
    this.#error.hidden = !operation.error;
    this.#last.hidden = hasEnded(operation);
    this.#dismissButton.hidden = !hasEnded(operation);
    attribute(
      this.#time,
      "title",
      exactTime(operation.endedAt ?? operation.startedAt ?? operation.createdAt),
    );
    this.tick(Date.now());
  }
}
