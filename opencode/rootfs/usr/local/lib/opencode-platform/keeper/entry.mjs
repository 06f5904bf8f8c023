// One project, as the keeper knows it.

/** @typedef {"awake" | "falling-asleep" | "asleep" | "waking" | "waiting" | "parked" | "stopped"} State */

/** What is known of one project. */
export class Entry {
  /** @type {State} */
  state = "stopped";
  since = new Date().toISOString();
  /** Why it is not asleep, or does not run. @type {string | undefined} */
  reason;
  /** @type {import("./world.mjs").Config | undefined} */
  config;
  /** @type {import("./world.mjs").Container | undefined} */
  container;
  /** The transition under way. @type {{kind: "sleep" | "wake" | "restart" | import("./lease-files.mjs").Kind, waited: Promise<void>, done: Promise<void>} | undefined} */
  work;
  /** What a look does about it now. @type {Promise<void> | undefined} */
  settling;
  /** By which a look sees that what it has read is old. */
  changes = 0;
  /** Whether it has been seen before. */
  isKnown = false;
  /** Whether somebody has asked for it while it falls asleep. */
  isAsked = false;
  /** Since when it has been awake, or the clock right, in steady time. */
  floor = Number.NEGATIVE_INFINITY;
  /** When it is asked next what it does, in steady time. */
  due = Number.NEGATIVE_INFINITY;
  /** Of what it has said. */
  known = new Map();
  /** The container whose limit of swap is as Docker has set it. */
  closed = "";
  /** Why it could not be put back, and when that is tried again. */
  closeProblem = "";
  closeDue = Number.NEGATIVE_INFINITY;
  /** Since when its requests go to its address, and since when Docker calls it healthy. @type {{since: number, healthy: number | undefined} | undefined} */
  bridge;
  /** Bytes while it is asleep. @type {{ram: number, swap: number} | undefined} */
  figures;

  constructor(project) {
    this.project = project;
  }

  /** @param {State} state @param {string} [reason] */
  become(state, reason) {
    if (this.state !== state) this.since = new Date().toISOString();
    this.state = state;
    this.reason = reason;
  }
  /**
   * One transition at a time. What it returns is what others wait for, who see its result: a wake's ends once the server answers.
   * @param {(answered: (result?: unknown) => void) => Promise<unknown>} run
   */
  begin(kind, run) {
    const { promise: waited, resolve, reject } = Promise.withResolvers();
    waited.catch(() => {}); // perhaps nobody does
    this.changes += 1;
    const done = run(resolve)
      .then(resolve, reject)
      .finally(() => {
        this.changes += 1;
        this.work = undefined;
        this.isAsked = false;
      });
    this.work = { kind, waited, done };
    done.catch(() => {});
    return waited;
  }
}
