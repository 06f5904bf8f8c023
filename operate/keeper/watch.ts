/** What the keeper says of the projects; it is only asked while somebody is watching. */
import type { Containers } from "../docker/watch.ts";
import type { Keeper, Kept } from "./client.ts";

/** Milliseconds between two questions: while a project falls asleep, wakes or starts; and otherwise. */
const [FAST_MS, SLOW_MS] = [2000, 30_000];

/** States that end by themselves, within moments. */
const PASSING: readonly string[] = [
  "falling-asleep",
  "waking",
  "waiting",
  "parked",
] satisfies Kept["state"][];

/** Which projects sleep. */
export interface SleepSource {
  /** What the keeper says of a project, where known. */
  of(project: string): Kept | undefined;
  /** Why it says nothing now; undefined while it answers, and before it was asked. */
  readonly problem: string | undefined;
  /** Asks the keeper until the returned function is called. */
  listen(): () => void;
  /** Resolves when the keeper was asked in the last moments, or after the given milliseconds. */
  settled(timeoutMs: number): Promise<void>;
  /**
   * Resolves when the keeper was asked since a container was last paused or continued, or after the given milliseconds: what it said before would make
   * one that has just fallen asleep look as if somebody had paused it.
   */
  caughtUp(timeoutMs: number): Promise<void>;
  /** Asks often for a while: something is being done. */
  hurry(): void;
}

export interface KeeperWatchOptions {
  readonly fastMs?: number;
  readonly slowMs?: number;
}

export class KeeperWatch implements SleepSource {
  readonly #keeper: Pick<Keeper, "projects">;
  readonly #containers: Pick<Containers, "running" | "onChange">;
  readonly #fastMs: number;
  readonly #slowMs: number;
  #known: ReadonlyMap<string, Kept> = new Map();
  #problem: string | undefined;
  #asking: Promise<void> | undefined;
  #askedAt = Number.NEGATIVE_INFINITY;
  #hurryUntil = 0;
  #listeners = 0;
  #running = "";
  /** Changes of what runs, so far; and those before the last answer was asked for. */
  #changes = 0;
  #seen = 0;
  #timer: NodeJS.Timeout | undefined;
  #unsubscribe: (() => void) | undefined;

  constructor(
    keeper: Pick<Keeper, "projects">,
    containers: Pick<Containers, "running" | "onChange">,
    { fastMs = FAST_MS, slowMs = SLOW_MS }: KeeperWatchOptions = {},
  ) {
    this.#keeper = keeper;
    this.#containers = containers;
    [this.#fastMs, this.#slowMs] = [fastMs, slowMs];
  }

  get problem(): string | undefined {
    return this.#problem;
  }

  of(project: string): Kept | undefined {
    const kept = this.#known.get(project);
    // Without the keeper nothing falls asleep or wakes; what slept sleeps on.
    return this.#problem === undefined || kept?.state === "asleep" ? kept : undefined;
  }

  listen(): () => void {
    this.#listeners++;
    if (!this.#unsubscribe) {
      this.#running = this.#runningNow();
      this.#unsubscribe = this.#containers.onChange(() => this.#onChange());
    }
    if (this.#isStale()) void this.#ask();
    let released = false;
    return () => {
      if (released) return;
      released = true;
      if (--this.#listeners === 0) this.close();
    };
  }

  async settled(timeoutMs: number): Promise<void> {
    // While nobody listens, changes are not noticed.
    if (this.#listeners > 0 && !this.#isStale()) return this.caughtUp(timeoutMs);
    await within(timeoutMs, this.#ask());
  }

  async caughtUp(timeoutMs: number): Promise<void> {
    const until = performance.now() + timeoutMs;
    while (this.#seen < this.#changes && performance.now() < until)
      await within(until - performance.now(), this.#ask());
  }

  hurry(): void {
    this.#hurryUntil = performance.now() + 5 * this.#fastMs;
    this.#schedule();
  }

  /** Stops asking. */
  close(): void {
    clearTimeout(this.#timer);
    this.#unsubscribe?.();
    this.#unsubscribe = undefined;
  }

  #isStale(): boolean {
    return performance.now() - this.#askedAt > this.#fastMs;
  }

  #runningNow(): string {
    const ids = this.#containers.running().map(({ id }) => id);
    return ids.sort().join();
  }

  /** A container that was paused or continued, or has gone, is news; a health check is none. */
  #onChange(): void {
    const running = this.#runningNow();
    if (running === this.#running) return;
    this.#running = running;
    this.#changes++;
    // An answer that is under way may be from before.
    void (this.#asking ? this.#asking.then(() => this.#ask()) : this.#ask());
  }

  #ask(): Promise<void> {
    this.#asking ??= this.#askOnce().finally(() => {
      this.#asking = undefined;
      this.#schedule();
    });
    return this.#asking;
  }

  async #askOnce(): Promise<void> {
    const changes = this.#changes;
    const answer = await this.#keeper.projects();
    this.#seen = changes;
    this.#askedAt = performance.now();
    if (answer.kind === "answered") {
      this.#known = new Map(answer.value.map((kept) => [kept.project, kept]));
      this.#problem = undefined;
    } else this.#problem = answer.reason;
  }

  #schedule(): void {
    clearTimeout(this.#timer);
    if (this.#listeners === 0) return;
    const isMoving =
      performance.now() < this.#hurryUntil ||
      [...this.#known.values()].some(({ state }) => PASSING.includes(state)) ||
      this.#containers.running().some(({ health }) => health === "starting");
    this.#timer = setTimeout(() => void this.#ask(), isMoving ? this.#fastMs : this.#slowMs).unref();
  }
}

/** Waits for work, but no longer than so many milliseconds. */
async function within(timeoutMs: number, work: Promise<void>): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, timeoutMs);
  await Promise.race([work, promise]);
  clearTimeout(timer);
}
