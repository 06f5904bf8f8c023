/** Faults that a test injects into a stand-in's API. */
import type { ServerResponse } from "node:http";
import type { Context, MiddlewareHandler } from "hono";

export interface Fault {
  /** `GET`, `POST`, … Default: any. */
  method?: string;
  /** Matched against the path without the query. */
  path: RegExp;
  /** Number of affected requests. Default: 1. */
  times?: number;
  /**
   * `hang-before`: nothing is done, and there is no response. `hang-after`: it is done, but there is no
   * response.
   */
  kind: "429" | "500" | "hang-before" | "hang-after";
  /** Milliseconds until a hanging connection is closed, as not every client gives up. Default: 20 000. */
  holdMs?: number;
  /** Seconds in `Retry-After` of a 429. */
  retryAfter?: number;
}

/** Pending faults, and those that occurred. */
export class Faults {
  readonly #coming: (Fault & { left: number })[] = [];
  readonly #released = Promise.withResolvers<void>();
  /** Faults so far: `429 POST /v2/droplets`. */
  readonly shown: string[] = [];

  inject(fault: Fault): void {
    this.#coming.push({ ...fault, left: fault.times ?? 1 });
  }

  /** Removes pending faults. */
  clear(): void {
    this.#coming.length = 0;
  }

  /** Number of requests that faults are pending for. */
  get pending(): number {
    return this.#coming.reduce((sum, { left }) => sum + left, 0);
  }

  /** Releases hanging requests, at a stand-in's end. */
  release(): void {
    this.#released.resolve();
  }

  /** The fault for a request, counted as used. */
  take(method: string, path: string): Fault | undefined {
    const fault = this.#coming.find(
      (each) => each.left > 0 && (!each.method || each.method === method) && each.path.test(path),
    );
    if (!fault) return undefined;
    fault.left -= 1;
    this.shown.push(`${fault.kind} ${method} ${path}`);
    return fault;
  }

  /** Waits until the client has given up, the time is over, or the stand-in ends. */
  async hang({ holdMs = HOLD_MS }: Fault, signal: AbortSignal): Promise<void> {
    const gone = Promise.withResolvers<void>();
    const timer = setTimeout(gone.resolve, holdMs);
    if (signal.aborted) gone.resolve();
    signal.addEventListener("abort", () => gone.resolve(), { once: true });
    await Promise.race([gone.promise, this.#released.promise]);
    clearTimeout(timer);
  }
}

const HOLD_MS = 20_000;

/** An API's error bodies for a 429 and a 500. */
export type FaultBodies = Record<"429" | "500", object>;

/** Injects faults into a Hono API. For `hang-after`, the response is computed first. */
export function showFaults(faults: Faults, bodies: FaultBodies): MiddlewareHandler {
  return async (context: Context, next) => {
    const fault = faults.take(context.req.method, context.req.path);
    if (fault?.kind === "429") {
      const headers = { "Retry-After": String(fault.retryAfter ?? 1) };
      return context.json(bodies["429"], 429, headers);
    }
    if (fault?.kind === "500") return context.json(bodies["500"], 500);
    if (fault?.kind !== "hang-before") await next();
    if (!fault) return undefined;
    await faults.hang(fault, context.req.raw.signal);
    // The prepared response is dropped: the connection ends without one.
    (context.env as { outgoing?: ServerResponse } | undefined)?.outgoing?.destroy();
    return fault.kind === "hang-before" ? context.body(null, 500) : undefined;
  };
}
