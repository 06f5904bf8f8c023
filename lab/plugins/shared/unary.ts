/** Unary gRPC calls as async functions. */
import type { handleUnaryCall } from "@grpc/grpc-js";
import { failureFrom } from "./requests.ts";

/** Counts pending calls, so that a process can end between them. */
export class Calls {
  private readonly running = new Set<Promise<unknown>>();
  private readonly abort: AbortSignal;

  constructor(abort: AbortSignal) {
    this.abort = abort;
  }

  /** A handler whose signal is aborted when the caller or the process ends. */
  unary<Q, A>(answer: (request: Q, signal: AbortSignal) => A | Promise<A>): handleUnaryCall<Q, A> {
    return (call, callback) => {
      const gone = new AbortController();
      call.on("cancelled", () => gone.abort());
      const work = this.run(() => answer(call.request, AbortSignal.any([gone.signal, this.abort])));
      work.then(
        (value) => callback(null, value),
        (error: unknown) => callback(failureFrom(error), null),
      );
    };
  }

  /** Resolves when no call is pending, or after a few seconds. */
  async idle(): Promise<void> {
    const late = new Promise((resolve) => setTimeout(resolve, 4000).unref());
    await Promise.race([Promise.allSettled([...this.running]), late]);
  }

  private run<A>(answer: () => A | Promise<A>): Promise<A> {
    const work = Promise.resolve().then(answer);
    this.running.add(work);
    const done = (): void => {
      this.running.delete(work);
    };
    work.then(done, done);
    return work;
  }
}
