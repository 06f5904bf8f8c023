/**
 * Event streams. The browser's EventSource reconnects after a broken connection, but gives up after a response that is no
 * stream: then this checks the reason and retries with exponential backoff.
 */
import { isLogin, login } from "./api.ts";

export type Connection = "connecting" | "open" | "lost";

export interface Handlers {
  /** Handlers by event name; the data is JSON. */
  readonly on: Record<string, (data: unknown) => void>;
  state?(connection: Connection): void;
  /** Called before each connection, which starts at the stream's beginning. */
  onOpen?(): void;
  /** Called if the stream does not exist or has ended. */
  onNotFound?(): void;
}

const FIRST_WAIT = 1000;
const LONGEST_WAIT = 15_000;

/** A stream, open until `close`. It disconnects while the page is hidden, since a browser has few connections. */
export class Stream {
  readonly #path: string;
  readonly #handlers: Handlers;
  #source: EventSource | undefined;
  #wait = FIRST_WAIT;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;
  readonly #wake = () => (document.hidden ? this.#stop() : this.#open());
  readonly #cut = () => this.#lost();

  constructor(path: string, handlers: Handlers) {
    this.#path = path;
    this.#handlers = handlers;
    document.addEventListener("visibilitychange", this.#wake);
    addEventListener("online", this.#wake);
    addEventListener("offline", this.#cut);
    if (!document.hidden) this.#open();
  }

  close(): void {
    this.#closed = true;
    this.#stop();
    document.removeEventListener("visibilitychange", this.#wake);
    removeEventListener("online", this.#wake);
    removeEventListener("offline", this.#cut);
  }

  /** Reconnects now. */
  retry(): void {
    this.#open();
  }

  #stop(): void {
    clearTimeout(this.#timer);
    this.#source?.close();
    this.#source = undefined;
  }

  #open(): void {
    if (this.#closed) return;
    this.#stop();
    const source = new EventSource(this.#path);
    this.#source = source;
    this.#handlers.onOpen?.();
    source.addEventListener("open", () => {
      this.#wait = FIRST_WAIT;
      this.#handlers.state?.("open");
    });
    for (const [name, handle] of Object.entries(this.#handlers.on)) {
      source.addEventListener(name, (event) => handle(JSON.parse((event as MessageEvent<string>).data)));
    }
    source.addEventListener("error", () => this.#source === source && this.#failed(source));
  }

  #failed(source: EventSource): void {
    this.#handlers.state?.("lost");
    if (source.readyState === EventSource.CLOSED) void this.#checkStatus();
  }

  #lost(): void {
    this.#stop();
    this.#handlers.state?.("lost");
    this.#retryLater();
  }

  /** Finds out why there is no stream: an expired login, a removed stream, or a temporary error. */
  async #checkStatus(): Promise<void> {
    const abort = new AbortController();
    try {
      const response = await fetch(this.#path, {
        redirect: "manual",
        cache: "no-store",
        signal: abort.signal,
      });
      abort.abort();
      if (isLogin(response)) login.dispatchEvent(new Event("ended"));
      else if ([204, 403, 404, 410].includes(response.status)) {
        this.close();
        this.#handlers.onNotFound?.();
        return;
      }
    } catch {
      // No response: retried below.
    }
    this.#retryLater();
  }

  #retryLater(): void {
    if (this.#closed) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#open(), this.#wait * (0.75 + Math.random() / 2));
    this.#wait = Math.min(this.#wait * 2, LONGEST_WAIT);
  }
}
