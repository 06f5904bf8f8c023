/** Whether the client hears what happens in the project. */

/** Milliseconds for which a client is waited for that has lost its event stream: its own first pause is shorter. */
const MAX_WAIT_MS = 15_000;

/**
 * opencode shows of a prompt what the event stream tells, and asks for nothing that it has missed. So what changes something waits while the
 * stream has been cut and the client has not come back for it.
 */
export class EventStreamGate {
  #lost: PromiseWithResolvers<void> | undefined;
  #timer: NodeJS.Timeout | undefined;

  /** The client has an event stream. */
  connected(): void {
    clearTimeout(this.#timer);
    this.#lost?.resolve();
    this.#lost = undefined;
  }

  /** Its stream has been cut by the platform. */
  disconnected(): void {
    this.#lost ??= Promise.withResolvers<void>();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.connected(), MAX_WAIT_MS).unref();
  }

  /** Resolves when a request may go. */
  async waitUntilConnected(method = "GET"): Promise<void> {
    if (!["GET", "HEAD", "OPTIONS"].includes(method)) await this.#lost?.promise;
  }
}
