/** Faults that a test has a stand-in's API show, as the real one does now and then. */
import type { ServerResponse } from "node:http";
import type { Context, MiddlewareHandler } from "hono";

export interface Fault {
  /** `GET`, `POST`, …; any when left out. */
  method?: string;
  /** Matched with the path alone, without the query. */
  path: RegExp;
  /** How many requests it befalls; 1 when left out. */
  times?: number;
  /** `hang-before`: nothing is done, and no answer comes. `hang-after`: it is done, but the answer never comes. */
  kind: "429" | "500" | "hang-before" | "hang-after";
  /** After how many milliseconds a connection that hangs is cut, since not everybody who waits gives up; 20 000 when left out. */
  holdMs?: number;
  /** Seconds for `Retry-After` of a 429. */
  retryAfter?: number;
}

/** The faults that are still to come, and those that came. */
export class Faults {
  readonly #coming: (Fault & { left: number })[] = [];
  readonly #released = Promise.withResolvers<void>();
  /** What has befallen requests so far: `429 POST /v2/droplets`. */
  readonly shown: string[] = [];

  inject(fault: Fault): void {
    this.#coming.push({ ...fault, left: fault.times ?? 1 });
  }

  /** Forgets the faults that have not come yet. */
  clear(): void {
    this.#coming.length = 0;
  }

  /** How many requests are still to be befallen. */
  get pending(): number {
    return this.#coming.reduce((sum, { left }) => sum + left, 0);
  }

  /** Lets go of the requests that hang; for a stand-in's end. */
  release(): void {
    this.#released.resolve();
  }

  /** The fault that befalls a request, counted as come. */
  take(method: string, path: string): Fault | undefined {
    const fault = this.#coming.find(
      (each) => each.left > 0 && (!each.method || each.method === method) && each.path.test(path),
    );
    if (!fault) return undefined;
    fault.left -= 1;
    this.shown.push(`${fault.kind} ${method} ${path}`);
    return fault;
  }

  /** Waits until whoever asked has given up, the time is over, or the stand-in ends. */
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

/** The error bodies of an API: what it says with a 429 and with a 500. */
export type FaultBodies = Record<"429" | "500", object>;

/** Shows the faults of an API that is made with hono. `hang-after` needs what makes the answer to come after it. */
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
    // What was made ready as an answer is not said: the connection ends without.
    (context.env as { outgoing?: ServerResponse } | undefined)?.outgoing?.destroy();
    return fault.kind === "hang-before" ? context.body(null, 500) : undefined;
  };
}
