import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { RunUpdate, UpdateOutcome } from "../../../operate/engine/update-events.ts";
import type { ApplyChange } from "./change.ts";
import { EventLog } from "./event-log.ts";
import { Journal, type JournalRecord, MAX_OPERATIONS } from "./journal.ts";
import { followReleases, isStart, PANEL, type Releases, releaseIn } from "./releases.ts";
import {
  failedToStart,
  forwardEvents,
  isUnderWay,
  messageOf,
  newRecord,
  now,
  onlyProjectOf,
  reasonOfInterruption,
  reasonOfSuspension,
  reporterOf,
  type Tracked,
  toOperation,
} from "./tracked.ts";
import {
  Conflict,
  NotFound,
  type Operation,
  type OperationEvent,
  type OperationRequest,
  type Operations,
  ShuttingDown,
} from "./types.ts";
import { endOf, type Work, whileOpenUntil } from "./work.ts";

/** Milliseconds before an update is retried while another one runs on the stack. */
const BUSY_RETRY_MS = 2000;

export interface OperationsParts {
  /** Folder of the journal: `<checkout>/.runtime/panel`. */
  readonly directory: string;
  /** Applies a request's immediate changes: secrets, projects.yaml, the repository. */
  readonly apply: ApplyChange;
  readonly update: RunUpdate;
  /** Brings the checkout to the branch's newest commit, before each update. Default: there is no repository. */
  readonly catchUp?: () => Promise<void>;
  /** Whether an update that the panel's end has interrupted goes on without it, and is only waited for again. Default: false. */
  readonly isElsewhere?: boolean;
  /** Where changes of releases are followed. Default: nowhere. */
  readonly releases?: Releases;
  /** Milliseconds before a busy stack is retried. Default: 2000. */
  readonly busyMs?: number;
  /** Reports errors that belong to no request. Default: ignored. */
  readonly report?: (error: unknown) => void;
}

/** The queue of operations; see `Operations`. */
export class OperationQueue implements Operations {
  readonly #parts: OperationsParts;
  readonly #journal: Journal;
  readonly #operations = new Map<string, Tracked>();
  #queued: Tracked[] = [];
  /** Resolves after the last submitted change: changes are applied in sequence. */
  #lastSubmit: Promise<unknown> = Promise.resolve();
  #runner: Promise<void> | undefined;
  readonly #closing = new AbortController();
  readonly #closed = new Promise<void>((resolve) => {
    this.#closing.signal.addEventListener("abort", () => resolve());
  });
  /** What goes on beside the queue: work, and what comes after updates. */
  readonly #following = new Set<Promise<void>>();

  constructor(parts: OperationsParts) {
    this.#parts = parts;
    this.#journal = new Journal(join(parts.directory, "operations"));
    this.#journal.prune();
    for (const record of this.#journal.read()) this.#track({ record, log: new EventLog() });
  }

  submit(request: OperationRequest): Promise<Operation> {
    return this.#submit(request, this.#parts.releases);
  }

  #submit(request: OperationRequest, releases: Releases | undefined): Promise<Operation> {
    const submitted = this.#lastSubmit.then(async () => {
      if (this.#closing.signal.aborted) throw new ShuttingDown("The panel is shutting down");
      const release = releaseIn(releases, request);
      const version = await this.#parts
        .apply(request)
        .catch((error) => this.#withConflictingOperation(error));
      const { project } = request;
      const mayChange = releases && (isStart(request) || releaseIn(releases, request) !== release);
      return this.#queue(request, { version, ...(project && mayChange ? { follows: [project] } : {}) });
    });
    this.#lastSubmit = submitted.catch(() => {});
    return submitted;
  }

  get(id: string): Operation | undefined {
    const tracked = this.#operations.get(id);
    return tracked && toOperation(tracked.record);
  }

  list(): Operation[] {
    return [...this.#operations.values()].map(({ record }) => toOperation(record)).reverse();
  }

  events(id: string, after = 0): AsyncIterable<OperationEvent> {
    const tracked = this.#operations.get(id);
    if (!tracked) throw new NotFound(`Operation ${id} not found`);
    return tracked.log.follow(after);
  }

  /** Brings the checkout to the branch's newest commit, in sequence with changes. @throws as `Repository.catchUp` */
  catchUp(): Promise<void> {
    const caughtUp = this.#lastSubmit.then(() => this.#parts.catchUp?.());
    this.#lastSubmit = caughtUp.catch(() => {});
    return caughtUp;
  }

  async recover(): Promise<void> {
    const unfinished = [...this.#operations.values()].filter(({ record }) => isUnderWay(record));
    const { isElsewhere = false } = this.#parts;
    for (const tracked of unfinished) {
      const { state, hasAfterwards, isWork } = tracked.record;
      if ((state === "queued" || isElsewhere) && !hasAfterwards && !isWork) this.#queued.push(tracked);
      else this.#finish(tracked, "interrupted", reasonOfInterruption(tracked.record));
    }
    const interrupted = unfinished.filter(({ record }) => record.state === "interrupted" && !record.isWork);
    const follows = [...new Set(interrupted.flatMap(({ record }) => record.follows ?? []))];
    // projects.yaml is applied even if no person waits for it any more.
    if (interrupted.length > 0)
      this.#queue({ person: PANEL, what: "recover from an interruption" }, { follows });
    else if (this.#queued.length > 0) this.#run();
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#lastSubmit;
    await this.#runner;
    await Promise.all(this.#following);
    for (const { log } of this.#operations.values()) log.end();
  }

  #track(tracked: Tracked): void {
    this.#operations.set(tracked.record.id, tracked);
    const hasEnded = !isUnderWay(tracked.record);
    tracked.log.push({ event: "state", data: toOperation(tracked.record) });
    if (hasEnded) tracked.log.end();
  }

  /** Rethrows; adds the operation that made the current version to a conflict. */
  #withConflictingOperation(error: unknown): never {
    if (!(error instanceof Conflict) || error.currentVersion === undefined) throw error;
    const { message, currentVersion } = error;
    const by = [...this.#operations.values()].findLast(({ record }) => record.version === currentVersion);
    throw new Conflict(message, { currentVersion, by: by && toOperation(by.record) });
  }

  #queue(request: OperationRequest, more: Pick<JournalRecord, "version" | "follows">): Operation {
    const { afterwards, work } = request;
    const record = newRecord(request, more);
    this.#journal.write(record);
    const tracked = { record, log: new EventLog(), ...(afterwards ? { afterwards } : {}) };
    this.#track(tracked);
    this.#forgetOldest();
    if (work) this.#beside(this.#work(tracked, (tools, whileOpen) => whileOpen(() => work(tools))));
    else {
      this.#queued.push(tracked);
      this.#run();
    }
    return toOperation(tracked.record);
  }

  #forgetOldest(): void {
    const excess = this.#operations.size - MAX_OPERATIONS;
    if (excess <= 0) return;
    const ended = [...this.#operations].filter(([, { record }]) => !isUnderWay(record));
    for (const [id] of ended.slice(0, excess)) this.#operations.delete(id);
    this.#journal.prune();
  }

  /** Runs updates until the queue is empty. */
  #run(): void {
    this.#runner ??= this.#runAll().finally(() => {
      this.#runner = undefined;
      if (this.#queued.length > 0 && !this.#closing.signal.aborted) this.#run();
    });
  }

  async #runAll(): Promise<void> {
    // Include operations submitted at the same moment.
    await this.#lastSubmit;
    while (this.#queued.length > 0 && !this.#closing.signal.aborted) {
      const batch: Tracked[] = [];
      const outcome = await this.#updateFor(batch);
      for (const tracked of batch) this.#complete(tracked, outcome);
    }
  }

  /** Runs one update, retried while the stack is busy. Moves all queued operations into `batch`. */
  async #updateFor(batch: Tracked[]): Promise<UpdateOutcome> {
    const { update, busyMs = BUSY_RETRY_MS } = this.#parts;
    const { signal } = this.#closing;
    for (let lastMessage = ""; ; ) {
      const joined = this.#queued.splice(0);
      batch.push(...joined);
      for (const tracked of joined) this.#change(tracked, { state: "running", startedAt: now() });
      const outcome = await this.catchUp()
        .then(() => {
          if (signal.aborted) return { state: "interrupted" } as const;
          return update(forwardEvents(batch), signal, onlyProjectOf(batch));
        })
        .catch(failedToStart);
      if (outcome.state !== "busy") return outcome;
      const text = `${outcome.by} is updating the stack. Waiting for it to finish.`;
      const listeners = text === lastMessage ? joined : batch;
      for (const { log } of listeners) log.push({ event: "message", data: { severity: "info", text } });
      lastMessage = text;
      await sleep(busyMs, undefined, { signal }).catch(() => {});
      if (signal.aborted) return { state: "interrupted" };
    }
  }

  #complete(tracked: Tracked, outcome: UpdateOutcome): void {
    const { project, isRemoval = false } = tracked.record;
    const failure = outcome.state === "failed" ? outcome.failureOf(project, isRemoval) : undefined;
    // A last backup or a migration takes minutes: other operations don't wait for it.
    const { releases } = this.#parts;
    if (outcome.state === "interrupted") this.#suspend(tracked);
    else if (failure !== undefined) this.#finish(tracked, "failed", failure);
    else if (tracked.afterwards)
      this.#beside(this.#work(tracked, ({ report }, whileOpen) => tracked.afterwards?.(report, whileOpen)));
    else if (releases && tracked.record.follows) this.#beside(this.#follow(tracked, releases));
    else this.#finish(tracked, "succeeded");
  }

  /** Goes on with something beside the queue. */
  #beside(work: Promise<void>): void {
    const following = work.finally(() => this.#following.delete(following));
    this.#following.add(following);
  }

  /** Does what an operation is, or what comes after its update: the panel's end cuts off nothing but what is waited for by `whileOpen`. */
  async #work(tracked: Tracked, work: Work): Promise<void> {
    if (tracked.record.state === "queued") this.#change(tracked, { state: "running", startedAt: now() });
    const tools = {
      report: reporterOf(tracked),
      run: (request: OperationRequest) => this.#carryOut(request),
    };
    const end = await endOf(() => work(tools, whileOpenUntil(this.#closing.signal)), this.#parts.report);
    if (end.state === "interrupted") this.#suspend(tracked);
    else this.#finish(tracked, end.state, end.error);
  }

  async #follow(tracked: Tracked, releases: Releases): Promise<void> {
    const { signal } = this.#closing;
    const parts = {
      releases,
      signal,
      notify: (text: string) => tracked.log.push({ event: "message", data: { severity: "info", text } }),
      run: (request: OperationRequest) => this.#carryOut(request),
    };
    try {
      const error = await followReleases(tracked.record.follows ?? [], parts);
      this.#finish(tracked, error === undefined ? "succeeded" : "failed", error);
    } catch (error) {
      if (signal.aborted) return this.#suspend(tracked);
      this.#finish(tracked, "failed", messageOf(error));
    }
  }

  /** Runs an operation to its end, or the panel's; a change of release in it is not followed. */
  async #carryOut(request: OperationRequest): Promise<Operation> {
    const { id, ...begun } = await this.#submit(request, undefined);
    const end = async () => {
      for await (const _ of this.events(id));
    };
    await Promise.race([end(), this.#closed]);
    return this.get(id) ?? { id, ...begun };
  }

  #finish(tracked: Tracked, state: Operation["state"], error?: string): void {
    const { done, total = done } = tracked.record;
    const count = state === "succeeded" ? { done: total, total } : {};
    this.#change(tracked, { state, endedAt: now(), ...count, ...(error === undefined ? {} : { error }) });
    tracked.log.end();
  }

  /** Leaves it running in the journal, so that the next start recovers it. */
  #suspend(tracked: Tracked): void {
    tracked.record = { ...tracked.record, state: "interrupted", error: reasonOfSuspension(tracked.record) };
    tracked.log.push({ event: "state", data: toOperation(tracked.record) });
    tracked.log.end();
  }

  #change(tracked: Tracked, values: Partial<JournalRecord>): void {
    tracked.record = { ...tracked.record, ...values };
    this.#journal.write(tracked.record);
    tracked.log.push({ event: "state", data: toOperation(tracked.record) });
  }
}
