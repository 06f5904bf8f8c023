// For what is done to a project's files as a whole, it is frozen (a hold) or stopped (a park) for so many seconds: whoever has asked for it may end before
// it says that it is done. Each lease is a file, written before anything is done. A keeper that starts takes back what was not granted yet, and counts the
// time of the others from its own start: no clock that is set makes one longer or shorter. What others do to a project meanwhile comes first: a container
// that somebody starts, stops or replaces is left alone, and its lease is over.
import { makeFreezer, parkedText } from "./freeze.mjs";
import { ignorePaused, Refused } from "./transitions.mjs";

/** Seconds: of the longest lease, and where none are asked for. */
export const LONGEST = 600;
export const DEFAULTS = { hold: 10, park: 60 };
/** How long whoever asks for a project waits for the end of a lease: less than the waker waits for the keeper. Milliseconds. */
const PATIENCE_MS = 55_000;
/** How long a project that goes on may take until it answers, and between two looks at that. Milliseconds. */
const ANSWER_MS = 120_000;
const LOOK_MS = 250;
/** How long a lease that others have ended is remembered beyond its time. Milliseconds. */
const TAKEN_MS = 600_000;
/** Before a lease is ended again that could not be. Milliseconds. */
const AGAIN_MS = 5000;

/** What is said of a project meanwhile. */
export const REASONS = { hold: "its files are being copied", park: "its files are being replaced" };
const BACK = "its files are back";
/** What ends each, and in the history. */
const ENDING = { hold: "release", park: "unpark" };
const ENDED = { hold: "released", park: "unparked" };

/**
 * @typedef {import("./entry.mjs").Entry} Entry
 * @typedef {import("./lease-files.mjs").Lease} Lease
 * @typedef {import("./lease-files.mjs").Was} Was
 */

/**
 * @param {{world: import("./transitions.mjs").World, clock: import("./clock.mjs").Clock,
 *   history: ReturnType<typeof import("./history.mjs").makeHistory>, held: Map<string, () => Promise<void>>,
 *   find(project: string): Promise<Entry>, entryOf(project: string): Entry, wake(project: string, why: string): Promise<unknown>}} parts
 */
export function makeLeases({ world, clock, history, held, find, entryOf, wake }) {
  const freezer = makeFreezer({ world, held });
  /** @type {Map<string, Lease>} */
  const leases = new Map();
  /** Those that others have ended: until their time is over their holders hear so when they renew them. @type {Map<string, Lease>} */
  const taken = new Map();
  /** @type {Promise<void> | undefined} */
  let loading;

  /** What the last keeper has left. */
  async function load() {
    for (const [project, written] of await world.leases()) {
      const until = written.isGranted ? clock.unmoved() + written.seconds * 1000 : Number.NEGATIVE_INFINITY;
      leases.set(project, { ...written, until, over: Promise.withResolvers() });
      if (written.own) entryOf(project).become(written.kind === "park" ? "parked" : written.was);
    }
  }
  function ready() {
    loading ??= load().catch((error) => {
      loading = undefined;
      throw error;
    });
    return loading;
  }

  const write = (project, { until, problem, over: _, ...written }) => world.lease(project, written);

  function forget(project, lease) {
    if (leases.get(project) === lease) leases.delete(project);
    lease.over.resolve();
  }

  async function grant(project, lease) {
    lease.isGranted = true;
    await write(project, lease);
    lease.until = clock.unmoved() + lease.seconds * 1000;
  }

  async function begin(entry, kind, seconds) {
    const { project } = entry;
    const over = Promise.withResolvers();
    /** @type {Lease} */
    const lease = { kind, seconds, services: [], isGranted: false, until: Number.POSITIVE_INFINITY, over };
    leases.set(project, lease);
    try {
      Object.assign(lease, await freezer.partsOf(entry, kind));
      await write(project, lease);
    } catch (error) {
      forget(project, lease);
      throw error;
    }
    if (kind === "park" && lease.own) entry.become("parked");
    try {
      await freezer[kind](entry, lease);
      await grant(project, lease);
    } catch (error) {
      // If that fails, too, it is tried again.
      await end(entry, lease).catch(() => {});
      throw error;
    }
    if (kind === "park") history.add(project, "parked", REASONS.park);
    return { was: lease.was, renewed: false };
  }

  /** @throws what Docker says, of a lease that stays and is ended later */
  async function end(entry, lease, isTaken = false) {
    const { project } = entry;
    try {
      // An update may have written another, or have taken it away.
      entry.config = (await world.configs()).get(project);
      await freezer.goOn(entry, lease, isTaken);
      await world.unlease(project);
    } catch (error) {
      lease.until = clock.unmoved() + AGAIN_MS;
      lease.isGranted = false;
      if (lease.problem !== error.message)
        history.add(project, `not ${ENDED[lease.kind]}`, `${error.message}; it is tried again`);
      lease.problem = error.message;
      throw error;
    }
    forget(project, lease);
  }
  const ending = (entry, lease, isTaken) => entry.begin(ENDING[lease.kind], () => end(entry, lease, isTaken));

  /** Ends a lease whose time is over, or that was not granted. */
  async function expire(entry, lease) {
    const { project } = entry;
    const { kind, own, was, isGranted, seconds, problem } = lease;
    await ending(entry, lease);
    const left = problem ? "it could not be before" : "the keeper has ended meanwhile";
    const why = isGranted ? `its lease of ${seconds} s has run out` : left;
    history.add(project, ENDED[kind], why);
    // One that was asleep waits at its gate until somebody asks for it.
    if (kind === "park" && own && was !== "asleep" && entry.state === "asleep") await wake(project, BACK);
  }

  /** @param {boolean} [isRenewal] of a holder that has had it: one that others have ended is not begun anew. Default: no */
  async function take(kind, project, seconds, isRenewal = false) {
    await ready();
    for (;;) {
      const entry = await find(project);
      if (entry.settling) {
        // A look goes by what it has found before.
        await entry.settling.catch(() => {});
        continue;
      }
      const lease = leases.get(project);
      const before = taken.get(project);
      if (isRenewal && before?.kind === kind && clock.unmoved() < before.until)
        throw new Refused("somebody has started, stopped or replaced it meanwhile, so it is left alone");
      if (lease?.isGranted && lease.kind !== kind) throw new Refused(REASONS[lease.kind]);
      if (!entry.work) {
        if (lease && !lease.isGranted) {
          await ending(entry, lease);
          continue;
        }
        if (taken.get(project)?.kind === kind) taken.delete(project);
        if (!lease) return entry.begin(kind, () => begin(entry, kind, seconds));
        return entry.begin("renewal", async () => {
          await grant(project, Object.assign(lease, { seconds }));
          return { was: lease.was, renewed: true };
        });
      }
      // What falls asleep is waited for no longer than that takes to be given up.
      if (kind === "park" && entry.work.kind === "sleep") entry.isAsked = true;
      await entry.work.done.catch(() => {});
    }
  }

  /** Ends a lease for its holder. @returns the lease; undefined where it is over already */
  async function giveBack(kind, project) {
    await ready();
    for (;;) {
      const entry = await find(project);
      const lease = leases.get(project);
      if (!entry.work) {
        if (lease && lease.kind !== kind) throw new Refused(REASONS[lease.kind]);
        if (taken.get(project)?.kind === kind) taken.delete(project);
        if (lease) await ending(entry, lease);
        return lease;
      }
      await entry.work.done.catch(() => {});
    }
  }

  /** @param {Entry} entry as a look has found it @returns {Promise<boolean>} whether the look leaves it alone */
  async function settle(entry, { config, container, mark }) {
    const { project } = entry;
    const lease = leases.get(project);
    if (!lease) return false;
    // The next look ends it.
    if (!lease.isGranted) return true;
    const { kind, own } = lease;
    const isOn = container?.state === "running" || container?.state === "paused";
    const isFrozen = container?.id === own && container?.state === "paused";
    const isTheirs = kind === "park" ? isOn : own !== undefined && !isFrozen;
    if (isTheirs || !config) {
      taken.set(project, lease);
      await ending(entry, lease, true);
      const why = config ? "somebody has started, stopped or replaced it" : "its entry is gone";
      history.add(project, ENDED[kind], why);
      return true;
    }
    if (kind === "park" && own && mark?.text !== parkedText(entry, lease))
      await world.mark(project, parkedText(entry, lease));
    return own !== undefined;
  }

  return {
    settle,
    has: (project) => leases.has(project),
    kindOf: (project) => leases.get(project)?.kind,
    /** What is said of it, where something is done to its own container. @returns {string | undefined} */
    reasonOf(project) {
      const lease = leases.get(project);
      return lease?.own ? (lease.problem ?? REASONS[lease.kind]) : undefined;
    },
    /** Ends with the lease of a project, where it has one that keeps it from running. @throws Refused when that takes long */
    async over(project) {
      await ready();
      const until = clock.unmoved() + PATIENCE_MS;
      for (let lease = leases.get(project); lease; lease = leases.get(project)) {
        if (lease.was === "stopped" || (lease.kind === "hold" && lease.was === "waiting")) return;
        if (clock.unmoved() >= until) throw new Refused(REASONS[lease.kind]);
        await Promise.race([lease.over.promise, world.wait(LOOK_MS)]);
      }
    },
    /** What is over by its time ends, and what the last keeper has left half done. */
    async look() {
      await ready();
      const now = clock.unmoved();
      for (const [project, lease] of taken) if (now > lease.until + TAKEN_MS) taken.delete(project);
      const due = [...leases].filter(([project, { until }]) => now > until && !entryOf(project).work);
      for (const [project, lease] of due) void expire(entryOf(project), lease).catch(() => {});
    },
    /** Somebody stops a container that is held: it goes on, so that it ends in order. */
    async stopping(project, id) {
      const { kind, own, services = [] } = leases.get(project) ?? {};
      if (kind !== "hold" || (own !== id && !services.includes(id))) return;
      await world
        .unpause({ id })
        .catch(ignorePaused)
        .catch((error) => history.add(project, "not resumed", error.message));
    },
    /** @returns {Promise<{was: Was, renewed: boolean}>} */
    hold: (project, seconds, isRenewal) => take("hold", project, seconds, isRenewal),
    /** @returns {Promise<{was: Was, renewed: boolean}>} */
    park: (project, seconds, isRenewal) => take("park", project, seconds, isRenewal),
    async release(project) {
      await giveBack("hold", project);
      return { state: (await find(project)).state };
    },
    /** Ends once it answers, or two minutes have gone by. @returns {Promise<{state: string, answers: boolean}>} */
    async unpark(project) {
      const until = clock.unmoved() + ANSWER_MS;
      const isTaken = taken.get(project)?.kind === "park";
      let lease = await giveBack("park", project);
      if (isTaken) {
        // Somebody has started it before its files were there: once more, else it goes on with those of before.
        await take("park", project, DEFAULTS.park).catch(() => {});
        lease = await giveBack("park", project);
      }
      if (lease) history.add(project, ENDED.park, BACK);
      if (lease?.was !== "stopped") await wake(project, BACK).catch(() => {});
      for (;;) {
        const { state, container, config } = await find(project);
        const answers = state !== "stopped" && (await world.answers(container, config));
        if (answers) return { state: "awake", answers };
        if (state === "stopped" || clock.unmoved() >= until) return { state, answers };
        await world.wait(LOOK_MS);
      }
    },
  };
}
