/** The stack's containers, kept up to date by one stream of Docker events. */
import { setTimeout as sleep } from "node:timers/promises";
import { type ContainerInfo, hasEnded, isUnsettled, readContainer } from "./container-state.ts";
import type { ContainerEvent, Engine } from "./engine.ts";
import { servicesOf } from "./services.ts";

/** Docker writes a health check's result a moment after its event. */
const SETTLE_MS = 250;
/** How old what a settled container last reported can be when it checks its health again: what it listens on changes without an event. */
const STALE_MS = 15_000;
const RETRY_MS = 1000;
const LONGEST_RETRY_MS = 15_000;

/** The current containers of the stack. */
export interface Containers {
  /** Whether the engine is connected; if not, the data is stale. */
  readonly isConnected: boolean;
  /** A project's container. */
  ofProject(name: string): ContainerInfo | undefined;
  /** The containers of a project's services. */
  servicesOf(name: string): ContainerInfo[];
  /** A container by name. */
  named(name: string): ContainerInfo | undefined;
  /** Running containers of projects. */
  running(): ContainerInfo[];
  /** Calls the listener on each change, until the returned function is called. */
  onChange(listener: () => void): () => void;
}

/** Watches the containers of one stack. */
export class ContainerWatch implements Containers {
  readonly #engine: Engine;
  readonly #prefix: string;
  readonly #known = new Map<string, ContainerInfo>();
  readonly #listeners = new Set<() => void>();
  readonly #lookedAt = new Map<string, number>();
  readonly #looking = new Map<string, { again: boolean }>();
  readonly #stop = new AbortController();
  #connected = false;
  #first: Promise<void> | undefined;

  /** @param prefix label of the stack's containers */
  constructor(engine: Engine, prefix: string) {
    this.#engine = engine;
    this.#prefix = prefix;
  }

  get isConnected(): boolean {
    return this.#connected;
  }

  /** Starts watching; resolves when the containers are known, or the first attempt has failed. */
  start(): Promise<void> {
    this.#first ??= new Promise((resolve) => void this.#watch(resolve));
    return this.#first;
  }

  close(): void {
    this.#stop.abort();
  }

  ofProject(name: string): ContainerInfo | undefined {
    const all = [...this.#known.values()].filter(({ project }) => project === name);
    // During a replacement there may be two: the newer one counts.
    return all.sort((a, b) => b.createdAt.localeCompare(a.createdAt))[0];
  }

  servicesOf(name: string): ContainerInfo[] {
    return servicesOf(name, this.#known.values());
  }

  named(name: string): ContainerInfo | undefined {
    return [...this.#known.values()].find((container) => container.name === name);
  }

  running(): ContainerInfo[] {
    return [...this.#known.values()].filter(({ project, status }) => project !== "" && status === "running");
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async #watch(ready: () => void): Promise<void> {
    const { signal } = this.#stop;
    let wait = RETRY_MS;
    while (!signal.aborted) {
      try {
        const events = await this.#engine.events(this.#prefix, signal);
        await this.#lookAtAll();
        this.#setConnected(true);
        wait = RETRY_MS;
        ready();
        for await (const event of events) this.#hear(event);
      } catch {
        // Visible in isConnected; the connection is retried.
      }
      this.#setConnected(false);
      ready();
      await sleep(wait, undefined, { signal, ref: false }).catch(() => undefined);
      wait = Math.min(wait * 2, LONGEST_RETRY_MS);
    }
  }

  async #lookAtAll(): Promise<void> {
    const ids = await this.#engine.ids(this.#prefix);
    for (const id of this.#known.keys()) if (!ids.includes(id)) this.#forget(id);
    await Promise.all(ids.map((id) => this.#look(id)));
  }

  #setConnected(connected: boolean): void {
    if (connected === this.#connected) return;
    this.#connected = connected;
    this.#tell();
  }

  #hear({ id, action }: ContainerEvent): void {
    if (action === "destroy") {
      this.#forget(id);
      this.#tell();
      return;
    }
    const isCheck = action.startsWith("exec_die");
    const known = this.#known.get(id);
    const age = Date.now() - (this.#lookedAt.get(id) ?? 0);
    if (isCheck && known && !isUnsettled(known) && age < STALE_MS) return;
    void (isCheck ? sleep(SETTLE_MS, undefined, { ref: false }) : Promise.resolve())
      .then(() => this.#look(id))
      .catch(() => undefined);
  }

  /** Inspects one container. An event during the inspection triggers another. */
  async #look(id: string): Promise<void> {
    const looking = this.#looking.get(id);
    if (looking) {
      looking.again = true;
      return;
    }
    const mine = { again: false };
    this.#looking.set(id, mine);
    try {
      do {
        mine.again = false;
        await this.#lookOnce(id);
      } while (mine.again);
    } finally {
      this.#looking.delete(id);
    }
  }

  async #lookOnce(id: string): Promise<void> {
    const inspection = await this.#engine.inspect(id);
    const container = inspection && readContainer(inspection);
    this.#lookedAt.set(id, Date.now());
    if (!container) this.#forget(id);
    else this.#known.set(id, hasEnded(container) ? await this.#withLastLine(container) : container);
    this.#tell();
  }

  async #withLastLine(container: ContainerInfo): Promise<ContainerInfo> {
    let lastLine = "";
    try {
      for await (const { text } of this.#engine.logs(container.id, { follow: false, tail: 5 }))
        if (text.trim()) lastLine = text.trim().slice(0, 300);
    } catch {
      // The exit code has to be enough.
    }
    return lastLine ? { ...container, lastLine } : container;
  }

  #forget(id: string): void {
    this.#known.delete(id);
    this.#lookedAt.delete(id);
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}
