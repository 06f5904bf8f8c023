/** Recognises event streams, and holds back changes while the client has none. */
import type { IncomingMessage } from "node:http";
import type { OpencodeApi } from "../../opencode/api/index.ts";

/** Milliseconds to wait for a client to reopen its event stream: its own first delay is shorter. */
const MAX_WAIT_MS = 15_000;

/**
 * Whether a request is for opencode's events. Its client waits up to 30 seconds between retries and misses all events until then, so the
 * proxy holds the request until the platform is back.
 */
export const isEventStream = (api: OpencodeApi, { method, url = "", headers }: IncomingMessage): boolean =>
  method === "GET" && (api.isEventStream(url) || headers.accept === "text/event-stream");

/**
 * opencode shows a prompt's progress from the event stream only, and does not fetch missed events. So requests that change something wait
 * from the stream's interruption until the client has reopened it.
 */
export class EventStreamGate {
  #lost: PromiseWithResolvers<void> | undefined;
  #timer: NodeJS.Timeout | undefined;

  /** The client opened an event stream. */
  connected(): void {
    clearTimeout(this.#timer);
    this.#lost?.resolve();
    this.#lost = undefined;
  }

  /** The platform ended the event stream. */
  disconnected(): void {
    this.#lost ??= Promise.withResolvers<void>();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.connected(), MAX_WAIT_MS).unref();
  }

  /** Resolves when a request of this method can be sent. */
  async waitUntilConnected(method = "GET"): Promise<void> {
    if (!["GET", "HEAD", "OPTIONS"].includes(method)) await this.#lost?.promise;
  }
}
