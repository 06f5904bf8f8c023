/** Logs of projects. All followers of a project share one Docker stream; a slow follower is dropped. */

import type { Engine } from "./engine.ts";
import { type LogLine, MOST_LINES } from "./types.ts";
import type { Containers } from "./watch.ts";

/** Lines queued for one follower. */
const MOST_WAITING = 5000;
const MOST_WAITING_BYTES = 4 * 2 ** 20;

/** Logs of projects. */
export interface Logs {
  /** The last lines; empty for a project without a container. */
  last(project: string, lines: number): Promise<LogLine[]>;
  /** The last lines, then new ones, across restarts and replacements of the container, until the signal. */
  follow(project: string, lines: number, signal: AbortSignal): AsyncIterable<LogLine>;
}

/** A follower's queue, which is dropped when it gets too long. */
class Follower {
  readonly #queue: LogLine[] = [];
  #bytes = 0;
  #wake: (() => void) | undefined;
  #ended = false;

  /** Returns whether it is still reading. */
  push(line: LogLine): boolean {
    if (this.#ended) return false;
    this.#queue.push(line);
    this.#bytes += line.text.length;
    if (this.#queue.length > MOST_WAITING || this.#bytes > MOST_WAITING_BYTES) {
      this.#queue.length = 0;
      this.#queue.push(notice("Skipped lines: the log grew faster than it was read."));
      this.end();
      return false;
    }
    this.#wake?.();
    return true;
  }

  end(): void {
    this.#ended = true;
    this.#wake?.();
  }

  async *lines(): AsyncIterable<LogLine> {
    for (;;) {
      const line = this.#queue.shift();
      if (line) {
        this.#bytes -= line.text.length;
        yield line;
      } else if (this.#ended) return;
      else
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
    }
  }
}

const notice = (text: string): LogLine => ({ at: new Date().toISOString(), stream: "panel", text });

/** The log of one project while it has followers. */
class Source {
  readonly #engine: Engine;
  readonly #containers: Containers;
  readonly #project: string;
  readonly #followers = new Map<Follower, number>();
  readonly #stop = new AbortController();
  /** The last lines, for new followers. Undefined until they have been read. */
  #ring: LogLine[] | undefined;

  constructor(engine: Engine, containers: Containers, project: string) {
    this.#engine = engine;
    this.#containers = containers;
    this.#project = project;
  }

  get isEmpty(): boolean {
    return this.#followers.size === 0;
  }

  add(follower: Follower, lines: number): void {
    this.#followers.set(follower, lines);
    if (this.#ring) this.#greet(follower, lines);
  }

  remove(follower: Follower): void {
    this.#followers.delete(follower);
    if (this.isEmpty) this.#stop.abort();
  }

  async run(): Promise<void> {
    const { signal } = this.#stop;
    let [id, startedAt, last] = ["", "", ""];
    while (!signal.aborted) {
      const container = this.#containers.ofProject(this.#project);
      if (!container || (container.id === id && container.startedAt === startedAt)) {
        if (!this.#ring) this.#fill([]);
        await changeOf(this.#containers, signal);
        continue;
      }
      if (id !== "" && id !== container.id) {
        this.#push(notice("The container was replaced. The new one's log begins here."));
        last = "";
      }
      ({ id, startedAt } = container);
      last = await this.#read(id, last, signal);
    }
  }

  /** Reads one container's log to its end; returns the timestamp of its last line. */
  async #read(id: string, after: string, signal: AbortSignal): Promise<string> {
    let last = after;
    try {
      if (!this.#ring) {
        const lines = await collect(this.#engine.logs(id, { follow: false, tail: MOST_LINES, signal }));
        this.#fill(lines);
        last = lines.at(-1)?.at ?? "";
      }
      const since = last;
      const from = since === "" ? {} : { since };
      for await (const line of this.#engine.logs(id, { follow: true, ...from, signal })) {
        if (signal.aborted) break;
        // Docker repeats the lines at that exact timestamp.
        if (line.at !== "" && line.at <= since) continue;
        last = line.at || last;
        this.#push(line);
      }
    } catch {
      if (!this.#ring) this.#fill([]);
    }
    return last;
  }

  #fill(lines: LogLine[]): void {
    this.#ring = lines;
    for (const [follower, wanted] of this.#followers) this.#greet(follower, wanted);
  }

  #greet(follower: Follower, lines: number): void {
    for (const line of lines > 0 ? (this.#ring ?? []).slice(-lines) : []) follower.push(line);
  }

  #push(line: LogLine): void {
    const ring = this.#ring ?? [];
    ring.push(line);
    if (ring.length > MOST_LINES) ring.splice(0, ring.length - MOST_LINES);
    this.#ring = ring;
    for (const follower of [...this.#followers.keys()]) if (!follower.push(line)) this.remove(follower);
  }
}

async function collect(lines: AsyncIterable<LogLine>): Promise<LogLine[]> {
  const all: LogLine[] = [];
  for await (const line of lines) all.push(line);
  return all;
}

/** Resolves at the next change of a container, or at the signal. */
function changeOf(containers: Containers, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      off();
      signal.removeEventListener("abort", done);
      resolve();
    };
    const off = containers.onChange(done);
    signal.addEventListener("abort", done);
    if (signal.aborted) done();
  });
}

/** Reads logs from Docker. */
export class LogHub implements Logs {
  readonly #engine: Engine;
  readonly #containers: Containers;
  readonly #sources = new Map<string, Source>();

  constructor(engine: Engine, containers: Containers) {
    this.#engine = engine;
    this.#containers = containers;
  }

  async last(project: string, lines: number): Promise<LogLine[]> {
    const container = this.#containers.ofProject(project);
    if (!container || lines === 0) return [];
    return collect(this.#engine.logs(container.id, { follow: false, tail: lines }));
  }

  async *follow(project: string, lines: number, signal: AbortSignal): AsyncIterable<LogLine> {
    if (signal.aborted) return;
    const follower = new Follower();
    const source = this.#sourceOf(project);
    source.add(follower, lines);
    const end = () => follower.end();
    signal.addEventListener("abort", end);
    try {
      yield* follower.lines();
    } finally {
      signal.removeEventListener("abort", end);
      source.remove(follower);
    }
  }

  #sourceOf(project: string): Source {
    const known = this.#sources.get(project);
    if (known && !known.isEmpty) return known;
    const source = new Source(this.#engine, this.#containers, project);
    this.#sources.set(project, source);
    // Starts after its follower has been added.
    queueMicrotask(
      () =>
        void source.run().finally(() => {
          if (this.#sources.get(project) === source) this.#sources.delete(project);
        }),
    );
    return source;
  }
}
