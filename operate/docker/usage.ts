/** Memory and CPU usage of projects; Docker is only polled while someone is watching. */

import type { ContainerInfo } from "./container-state.ts";
import type { Engine } from "./engine.ts";
import type { Stats, Usage } from "./types.ts";
import type { Containers } from "./watch.ts";

/** Shortest interval between samples. */
const INTERVAL_MS = 2000;
/** Polling continues for this long after the last read, since most reads are followed by another. */
const LINGER_MS = 10_000;

/** A container's usage. */
export interface Used {
  readonly memory?: Usage;
  readonly cpu?: Usage;
}

/** Memory as in `docker stats`: without reclaimable cache. */
export function memoryOf({ memory_stats: memory }: Stats): Usage | undefined {
  if (memory?.usage === undefined || memory.limit === undefined) return undefined;
  const cache = memory.stats?.inactive_file ?? memory.stats?.total_inactive_file ?? 0;
  return { used: Math.max(0, memory.usage - cache), limit: memory.limit };
}

/** CPUs used between the last two samples; undefined at the first. `limit` 0 means all CPUs of the host. */
export function cpuOf({ cpu_stats: now, precpu_stats: before }: Stats, limit: number): Usage | undefined {
  const host = now?.online_cpus ?? 0;
  if (now?.system_cpu_usage === undefined || before?.system_cpu_usage === undefined) return undefined;
  const time = now.system_cpu_usage - before.system_cpu_usage;
  const own = (now.cpu_usage?.total_usage ?? 0) - (before.cpu_usage?.total_usage ?? 0);
  if (time <= 0 || own < 0) return undefined;
  return { used: Math.round((own / time) * host * 1000) / 1000, limit: limit || host };
}

/** Usage of every running project. */
export interface UsageSource {
  /** A project's usage, where known. */
  of(project: string): Used;
  /** Polls Docker until the returned function is called. */
  listen(): () => void;
  /** Resolves when every running project has a sample, or after the given milliseconds. */
  settled(timeoutMs: number): Promise<void>;
}

export class UsageWatch implements UsageSource {
  readonly #engine: Engine;
  readonly #containers: Containers;
  readonly #streams = new Map<string, AbortController>();
  readonly #figures = new Map<string, Used & { at: number; id: string }>();
  readonly #waiting = new Set<() => void>();
  #listeners = 0;
  #linger: NodeJS.Timeout | undefined;
  #unsubscribe: (() => void) | undefined;

  constructor(engine: Engine, containers: Containers) {
    this.#engine = engine;
    this.#containers = containers;
  }

  of(project: string): Used {
    const known = this.#figures.get(project);
    const container = this.#containers.ofProject(project);
    // Of one that is paused or has ended, the last figures are of before.
    if (!known || known.id !== container?.id || container.status !== "running") return {};
    const { memory, cpu } = known;
    return { ...(memory ? { memory } : {}), ...(cpu ? { cpu } : {}) };
  }

  listen(): () => void {
    clearTimeout(this.#linger);
    this.#listeners++;
    this.#unsubscribe ??= this.#containers.onChange(() => this.#sync());
    this.#sync();
    let released = false;
    return () => {
      if (released) return;
      released = true;
      if (--this.#listeners === 0) this.#linger = setTimeout(() => this.close(), LINGER_MS).unref();
    };
  }

  async settled(timeoutMs: number): Promise<void> {
    const until = performance.now() + timeoutMs;
    while (performance.now() < until && !this.#isComplete())
      await new Promise<void>((resolve) => {
        const done = () => {
          clearTimeout(timer);
          this.#waiting.delete(done);
          resolve();
        };
        const timer = setTimeout(done, until - performance.now()).unref();
        this.#waiting.add(done);
      });
  }

  /** Stops polling. */
  close(): void {
    clearTimeout(this.#linger);
    this.#unsubscribe?.();
    this.#unsubscribe = undefined;
    for (const stream of this.#streams.values()) stream.abort();
    this.#streams.clear();
    this.#figures.clear();
  }

  #isComplete(): boolean {
    return this.#containers.running().every(({ project, id }) => this.#figures.get(project)?.id === id);
  }

  #sync(): void {
    const running = new Map(this.#containers.running().map((container) => [container.id, container]));
    for (const [id, stream] of this.#streams) {
      if (running.has(id)) continue;
      stream.abort();
      this.#streams.delete(id);
    }
    for (const [id, container] of running) if (!this.#streams.has(id)) void this.#read(container);
  }

  async #read({ id, project, cpus }: ContainerInfo): Promise<void> {
    const stream = new AbortController();
    this.#streams.set(id, stream);
    try {
      for await (const stats of this.#engine.stats(id, stream.signal)) {
        if (stream.signal.aborted) break;
        this.#take(project, id, stats, cpus);
      }
    } catch {
      // The container has ended, or its stream has.
    } finally {
      if (this.#streams.get(id) === stream) this.#streams.delete(id);
    }
  }

  #take(project: string, id: string, stats: Stats, cpus: number): void {
    const before = this.#figures.get(project);
    const now = performance.now();
    const isFresh = before?.id === id && before.cpu !== undefined && now - before.at < INTERVAL_MS;
    if (isFresh) return;
    const [memory, cpu] = [memoryOf(stats), cpuOf(stats, cpus)];
    this.#figures.set(project, { at: now, id, ...(memory ? { memory } : {}), ...(cpu ? { cpu } : {}) });
    for (const done of [...this.#waiting]) done();
  }
}
