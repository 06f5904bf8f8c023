/** Streams of server-sent events that cost nothing while nobody reads them. */
import type { HttpBindings } from "@hono/node-server";
import type { Ctx } from "./route.ts";

/** Proxies cut connections that say nothing for some minutes. */
const HEARTBEAT_MS = 15_000;
/** A reader that takes nothing for so long is gone. */
const SEND_TIMEOUT_MS = 60_000;

export interface ServerEvent {
  readonly event: string;
  readonly data: unknown;
  readonly id?: number;
}

const encoder = new TextEncoder();

/** One event as it is sent. JSON has no line ends in it, so that one line of data is enough. */
export const formatEvent = ({ event, data, id }: ServerEvent): string =>
  `${id === undefined ? "" : `id: ${id}\n`}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;

/** All streams that are open, so that a panel that ends can end them. */
export class Streams {
  readonly #open = new Set<AbortController>();

  get count(): number {
    return this.#open.size;
  }

  /** Ends every stream. */
  close(): void {
    for (const controller of this.#open) controller.abort();
  }

  readonly #sendTimeoutMs: number;

  /** @param patience milliseconds after which who takes nothing is cut off */
  constructor(patience = SEND_TIMEOUT_MS) {
    this.#sendTimeoutMs = patience;
  }

  /**
   * Answers with events until there are no more, the reader goes, or does not read for a minute.
   * @param start begins what gives the events; the signal says when it is to end
   */
  respond(context: Ctx, start: (signal: AbortSignal) => AsyncIterable<ServerEvent>): Response {
    const stop = new AbortController();
    this.#open.add(stop);
    const end = () => stop.abort();
    context.req.raw.signal.addEventListener("abort", end);
    stop.signal.addEventListener("abort", () => {
      this.#open.delete(stop);
      context.req.raw.signal.removeEventListener("abort", end);
    });
    // The connection's own buffers are full then: nothing but its end frees them.
    const cut = () => (context.env as Partial<HttpBindings> | undefined)?.outgoing?.destroy();
    const disconnected = { after: this.#sendTimeoutMs, cut };
    return new Response(toReadable(start(stop.signal)[Symbol.asyncIterator](), stop, disconnected), {
      headers: {
        "Content-Type": "text/event-stream; charset=utf-8",
        "Cache-Control": "no-store, no-transform",
        "X-Accel-Buffering": "no",
      },
    });
  }
}

/** Events are asked for when the reader has taken those before, so that nothing piles up here. */
function toReadable(
  events: AsyncIterator<ServerEvent>,
  stop: AbortController,
  disconnected: { readonly after: number; cut(): void },
): ReadableStream<Uint8Array> {
  let next: Promise<IteratorResult<ServerEvent>> | undefined;
  let patience: NodeJS.Timeout | undefined;
  const finish = () => {
    clearTimeout(patience);
    stop.abort();
    void events.return?.()?.catch(() => undefined);
  };
  const wait = () => {
    clearTimeout(patience);
    patience = setTimeout(() => {
      finish();
      disconnected.cut();
    }, disconnected.after).unref();
  };
  return new ReadableStream<Uint8Array>(
    {
      start: (controller) => {
        controller.enqueue(encoder.encode(": the panel\n\n"));
      },
      async pull(controller) {
        clearTimeout(patience);
        next ??= events.next();
        const result = await withHeartbeat(next, stop.signal);
        if (result === "heartbeat") controller.enqueue(encoder.encode(": still here\n\n"));
        else if (result === "stopped" || result.done) {
          finish();
          controller.close();
          return;
        } else {
          next = undefined;
          controller.enqueue(encoder.encode(formatEvent(result.value)));
        }
        wait();
      },
      cancel: finish,
    },
    { highWaterMark: 1 },
  );
}

async function withHeartbeat<T>(next: Promise<T>, signal: AbortSignal): Promise<T | "heartbeat" | "stopped"> {
  if (signal.aborted) return "stopped";
  let timer: NodeJS.Timeout | undefined;
  let stopped: (() => void) | undefined;
  const others = new Promise<"heartbeat" | "stopped">((resolve) => {
    timer = setTimeout(() => resolve("heartbeat"), HEARTBEAT_MS).unref();
    stopped = () => resolve("stopped");
    signal.addEventListener("abort", stopped, { once: true });
  });
  try {
    return await Promise.race([next, others]);
  } finally {
    clearTimeout(timer);
    if (stopped) signal.removeEventListener("abort", stopped);
  }
}
