/** Streams of server-sent events, with backpressure. */
import type { HttpBindings } from "@hono/node-server";
import type { Ctx } from "./route.ts";

/** Milliseconds between two comments on an idle stream: proxies close idle connections after some minutes. */
const HEARTBEAT_MS = 15_000;
/** Milliseconds between two looks at whether a stream's reader still has the right to it. */
const CHECK_MS = 1000;
/** Milliseconds without a read after which a connection is closed. */
const SEND_TIMEOUT_MS = 60_000;

export interface ServerEvent {
  readonly event: string;
  readonly data: unknown;
  readonly id?: number;
}

const encoder = new TextEncoder();

/** Formats an event. JSON has no line breaks, so one `data:` line is enough. */
export const formatEvent = ({ event, data, id }: ServerEvent): string =>
  `${id === undefined ? "" : `id: ${id}\n`}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;

/** All open streams, so that the panel can end them when it stops. */
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

  /** @param sendTimeoutMs milliseconds without a read after which a connection is closed. Default: one minute */
  constructor(sendTimeoutMs = SEND_TIMEOUT_MS) {
    this.#sendTimeoutMs = sendTimeoutMs;
  }

  /**
   * Responds with events until they end, or the reader disconnects, stops reading or loses the right to them.
   * @param start returns the events; its signal aborts when the stream ends
   * @param goesOn whether the reader still has the right to them: asked before each event, and each second
   */
  respond(
    context: Ctx,
    start: (signal: AbortSignal) => AsyncIterable<ServerEvent>,
    goesOn: () => boolean,
  ): Response {
    const stop = new AbortController();
    this.#open.add(stop);
    const check = () => {
      if (!goesOn()) stop.abort();
      return !stop.signal.aborted;
    };
    const watch = setInterval(check, CHECK_MS).unref();
    const end = () => stop.abort();
    context.req.raw.signal.addEventListener("abort", end);
    stop.signal.addEventListener("abort", () => {
      clearInterval(watch);
      this.#open.delete(stop);
      context.req.raw.signal.removeEventListener("abort", end);
    });
    // The connection's buffers are full then: only closing it frees them.
    const close = () => (context.env as Partial<HttpBindings> | undefined)?.outgoing?.destroy();
    const timeout = { after: this.#sendTimeoutMs, close };
    return new Response(toReadable(start(stop.signal)[Symbol.asyncIterator](), stop, { ...timeout, check }), {
      headers: {
        "Content-Type": "text/event-stream; charset=utf-8",
        "Cache-Control": "no-store, no-transform",
        "X-Accel-Buffering": "no",
      },
    });
  }
}

/** Pulls the next event once the reader has taken the last one, so that none is buffered here. */
function toReadable(
  events: AsyncIterator<ServerEvent>,
  stop: AbortController,
  timeout: { readonly after: number; close(): void; check(): boolean },
): ReadableStream<Uint8Array> {
  let next: Promise<IteratorResult<ServerEvent>> | undefined;
  let timer: NodeJS.Timeout | undefined;
  const finish = () => {
    clearTimeout(timer);
    stop.abort();
    void events.return?.()?.catch(() => undefined);
  };
  const wait = () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      finish();
      timeout.close();
    }, timeout.after).unref();
  };
  return new ReadableStream<Uint8Array>(
    {
      start: (controller) => {
        controller.enqueue(encoder.encode(": the panel\n\n"));
      },
      async pull(controller) {
        clearTimeout(timer);
        next ??= events.next();
        const result = await withHeartbeat(next, stop.signal);
        if (result === "heartbeat") controller.enqueue(encoder.encode(": still here\n\n"));
        else if (result === "stopped" || result.done || !timeout.check()) {
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
