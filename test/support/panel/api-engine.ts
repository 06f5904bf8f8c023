/** A fake Docker, driven by the test. */

import type { Engine, Inspection, LogRequest } from "../../../operate/docker/engine.ts";
import type { Stats } from "../../../operate/docker/types.ts";
import type { LogLine } from "../../../panel/server/api/schema.ts";
import type { ExecResult } from "../../../toolchain/lib/exec.ts";

/** Waits for all pending callbacks. */
export const settle = async () => {
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
};

/** An async iterable that the test feeds. */
export class Channel<T> implements AsyncIterable<T> {
  readonly #queue: T[] = [];
  #wake = () => {};
  #ended = false;
  isOpen = false;

  push(...items: T[]): void {
    this.#queue.push(...items);
    this.#wake();
  }
  end(): void {
    this.#ended = true;
    this.#wake();
  }
  async *[Symbol.asyncIterator](): AsyncIterator<T> {
    this.isOpen = true;
    try {
      for (;;) {
        const item = this.#queue.shift();
        if (item !== undefined) yield item;
        else if (this.#ended) return;
        else await new Promise<void>((resolve) => (this.#wake = resolve));
      }
    } finally {
      this.isOpen = false;
    }
  }
}

export const line = (text: string, second = 0): LogLine => ({
  at: `2026-01-01T00:00:${String(second).padStart(2, "0")}.000000000Z`,
  stream: "stdout",
  text,
});

export class FakeEngine implements Engine {
  readonly followed: { id: string; request: LogRequest; channel: Channel<LogLine> }[] = [];
  readonly past = new Map<string, LogLine[]>();
  readonly channels: Channel<{ id: string; action: string }>[] = [];
  readonly inspections = new Map<string, Inspection>();
  /** Commands that were run, each after its container's name. */
  readonly commands: (readonly string[])[] = [];
  /** The result of a command. */
  answer = (_: string): ExecResult => ({ code: 0, stdout: "", stderr: "" });
  readonly statistics: { id: string; channel: Channel<Stats> }[] = [];

  ids = async () => [...this.inspections.keys()];
  inspect = async (id: string) => this.inspections.get(id);
  async events(_: string, signal: AbortSignal) {
    const channel = new Channel<{ id: string; action: string }>();
    signal.addEventListener("abort", () => channel.end());
    this.channels.push(channel);
    return channel;
  }
  logs(id: string, request: LogRequest): AsyncIterable<LogLine> {
    const channel = new Channel<LogLine>();
    if (request.follow) {
      this.followed.push({ id, request, channel });
      request.signal?.addEventListener("abort", () => channel.end());
      return channel;
    }
    channel.push(...(this.past.get(id) ?? []).slice(-(request.tail ?? 1e9)));
    channel.end();
    return channel;
  }
  stats(id: string, signal: AbortSignal): AsyncIterable<Stats> {
    const channel = new Channel<Stats>();
    signal.addEventListener("abort", () => channel.end());
    this.statistics.push({ id, channel });
    return channel;
  }
  start = async () => true;
  unpause = async () => true;
  stop = async () => true;
  exec = async (name: string, command: readonly string[]) => {
    this.commands.push([name, ...command]);
    return this.answer(name);
  };
}
