/** A project's log, followed until a person scrolls up. */
import { announce } from "./announce.ts";
import { paths } from "./api.ts";
import { copy } from "./copy.ts";
import { openDialog } from "./dialog.ts";
import { attribute, h, setText } from "./dom.ts";
import { type Connection, Stream } from "./events.ts";
import { asText, LineDeduplicator, lastOf, plain } from "./lines.ts";
import type { LogLine } from "./model.ts";

/** Maximum lines kept and shown. */
export const MOST_LINES = 2000;
const FIRST_LINES = 200;
/** Pixels from the end that count as at the end. */
const NEAR = 24;

const lineElement = (line: LogLine) =>
  h(
    "div",
    { "data-stream": line.stream },
    h("time", { datetime: line.at }, `${line.at.slice(0, 19)}Z `),
    plain(line.text),
  );

class LogView {
  readonly #name: string;
  readonly #lines: LogLine[] = [];
  readonly #new = new LineDeduplicator();
  readonly #view: HTMLElement;
  readonly #status = h("p", { class: "status", role: "status" });
  readonly #times: HTMLButtonElement;
  readonly #end: HTMLButtonElement;
  readonly #stream: Stream;
  #waiting: LogLine[] = [];
  #connection: Connection = "connecting";
  #ended = false;
  #paused = false;
  #frame = 0;
  #opened = false;

  constructor(name: string) {
    this.#name = name;
    this.#view = h("div", {
      class: "log",
      role: "log",
      "aria-live": "off",
      "aria-label": `Log of ${name}`,
      tabindex: "0",
    });
    this.#times = h(
      "button",
      { type: "button", class: "small", "aria-pressed": "false", onclick: () => this.#toggleTimes() },
      "Times",
    );
    this.#end = h(
      "button",
      { type: "button", class: "small", hidden: true, onclick: () => this.#resume() },
      "Jump to the end ↓",
    );
    const copies = h(
      "button",
      { type: "button", class: "small", onclick: () => void this.#copy() },
      "Copy all",
    );
    const { body } = openDialog(`Log of ${name}`, { class: "logs", closed: () => this.#stream.close() });
    body.append(h("div", { class: "bar" }, this.#status, this.#end, this.#times, copies), this.#view);
    this.#view.addEventListener("scroll", () => this.#scrolled());
    this.#view.focus();
    this.#stream = this.#follow();
    this.#setStatus();
  }

  #follow(): Stream {
    return new Stream(paths.logs(this.#name, FIRST_LINES), {
      onOpen: () => this.#new.reconnected(),
      on: { line: (data) => this.#onLine(data as LogLine) },
      state: (connection) => {
        if (connection === "lost") this.#new.reconnected();
        this.#opened ||= connection === "open";
        this.#connection = connection;
        this.#setStatus();
      },
      onNotFound: () => {
        this.#ended = true;
        this.#setStatus();
      },
    });
  }

  #onLine(line: LogLine): void {
    if (!this.#new.isNew(line)) return;
    this.#waiting.push(line);
    if (this.#waiting.length > 2 * MOST_LINES) this.#waiting = lastOf(this.#waiting, MOST_LINES);
    if (this.#frame === 0) this.#frame = requestAnimationFrame(() => this.#flush());
  }

  /** Shows new lines once per frame, so that a busy log does not slow the page down. */
  #flush(): void {
    this.#frame = 0;
    if (!this.#paused) {
      const lines = lastOf(this.#waiting, MOST_LINES);
      this.#waiting = [];
      this.#lines.push(...lines);
      this.#view.append(...lines.map(lineElement));
      const tooMany = Math.max(0, this.#lines.length - MOST_LINES);
      this.#lines.splice(0, tooMany);
      for (let index = 0; index < tooMany; index++) this.#view.firstElementChild?.remove();
      this.#view.scrollTop = this.#view.scrollHeight;
    }
    this.#setStatus();
  }

  #scrolled(): void {
    const { scrollTop, scrollHeight, clientHeight } = this.#view;
    const atEnd = scrollHeight - scrollTop - clientHeight < NEAR;
    if (this.#paused === !atEnd) return;
    this.#paused = !atEnd;
    this.#flush();
  }

  #resume(): void {
    this.#paused = false;
    this.#flush();
    this.#view.scrollTop = this.#view.scrollHeight;
    this.#view.focus();
  }

  #toggleTimes(): void {
    const shown = this.#view.classList.toggle("timed");
    attribute(this.#times, "aria-pressed", String(shown));
    if (!this.#paused) this.#view.scrollTop = this.#view.scrollHeight;
  }

  async #copy(): Promise<void> {
    const all = [...this.#lines, ...this.#waiting];
    const copied = await copy(asText(all, this.#view.classList.contains("timed")));
    announce(copied ? `${all.length} lines copied` : "The browser blocked copying");
  }

  #statusText(): string {
    if (this.#ended) return this.#opened ? "ended" : "no log: the project has no container";
    if (this.#paused) return this.#waiting.length > 0 ? `paused, ${this.#waiting.length} new` : "paused";
    if (this.#connection === "lost") return "offline, retrying";
    if (this.#connection === "connecting") return "connecting";
    return this.#lines.length === 0 ? "following, no lines yet" : "following";
  }

  #setStatus(): void {
    this.#end.hidden = !this.#paused;
    setText(this.#status, this.#statusText());
  }
}

/** Opens a project's log. */
export function openLogs(name: string): void {
  new LogView(name);
}
