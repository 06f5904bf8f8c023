// Which projects are awake and asleep, and what is done about it. Whatever it finds, a project is reachable: its container runs and its requests go
// there, or it is paused, its requests are led to the waker, and whoever asks wakes it. What is on disk and in Docker is all that it knows: a mark
// (`<project>.asleep.yml` among the gateway's files) is there whenever a container is paused by it.
import { jumps, steadied } from "./clock.mjs";
import { Entry } from "./entry.mjs";
import { makeLeases, REASONS } from "./leases.mjs";
import { makeSettle } from "./settle.mjs";
import { makeSwapOut } from "./swap.mjs";
import { awakeText, fallAsleep, ignorePaused, Refused, wake } from "./transitions.mjs";

/** How soon an awake project is asked again what it does, at the earliest and at the latest. Milliseconds of the clock that a test moves. */
const SOONEST_MS = 15_000;
const LATEST_MS = 60_000;
/** How many fall asleep at once by themselves: the disk has to take their memory. */
const AT_ONCE = 2;

/** To whoever wants to put it to sleep meanwhile. */
const BUSY = {
  sleep: "it is falling asleep already",
  wake: "it is just waking",
  restart: "it is being restarted",
};

const sentence = (why) => (why === undefined ? undefined : `it ${why}`);

/** For whoever asks about a project that there is not. */
export class Unknown extends Error {}

/**
 * @typedef {ReturnType<typeof makeKeeper>} Keeper
 * @param {{world: import("./transitions.mjs").World, decide: Function, working: Function, clock: import("./clock.mjs").Clock,
 *   history: ReturnType<typeof import("./history.mjs").makeHistory>}} parts
 */
export function makeKeeper({ world, decide, working, clock, history }) {
  /** @type {Map<string, Entry>} */
  const entries = new Map();
  /** Projects whose start waits for its turn, with what lets each go on at once. @type {Map<string, () => Promise<void>>} */
  const held = new Map();
  /** Projects that are not healed any more, with the reason in words. @type {Map<string, string>} */
  const sick = new Map();
  const hasJumped = jumps(clock);
  const swapOut = makeSwapOut({ world, history });

  const entryOf = (project) => {
    const entry = entries.get(project) ?? new Entry(project);
    entries.set(project, entry);
    return entry;
  };

  const startWake = (entry, why) =>
    entry.begin("wake", async (answered) => {
      const began = clock.unmoved();
      entry.become("waking");
      // What a wake leaves behind that has failed on its way has its mark still, and is woken by whoever asks next.
      let failed;
      let hasAnswered = false;
      try {
        const answers = await wake(world, entry, {
          isThere: () => current(entry),
          isHeld: () => held.has(entry.project),
          onAnswer: () => {
            const ms = Math.round(clock.unmoved() - began);
            history.add(entry.project, "woken", `${why}; it answers after ${ms} ms`);
            answered();
          },
        });
        hasAnswered = answers;
        if (!answers && held.has(entry.project)) {
          await letGo(entry);
          hasAnswered = true;
        }
      } catch (error) {
        failed = error.message;
      } finally {
        if (failed === undefined || held.has(entry.project)) {
          entry.floor = clock.steady();
          entry.closed = "";
          entry.become("awake");
        } else entry.become("asleep", failed);
      }
      if (hasAnswered) return;
      const reason = failed ?? "its server has not answered, or its container has ended";
      history.add(entry.project, "not woken", reason);
      throw new Refused(reason);
    });

  const startSleep = (entry, isExplicit) =>
    entry.begin("sleep", async () => {
      const { container, config } = entry;
      entry.become("falling-asleep");
      try {
        await fallAsleep(
          world,
          { container, config },
          {
            refusal: () => refusal(entry, isExplicit),
            isStopped: () => entry.isAsked,
            isCurrent: async () => (await world.configs()).has(entry.project) && (await current(entry)),
            isHeld: () => held.has(entry.project),
          },
        );
      } catch (error) {
        history.add(entry.project, "stays awake", error.message);
        entry.become("awake", error.message);
        entry.due = clock.steady() + LATEST_MS;
        throw error;
      }
      entry.become("asleep");
      await swapOut(entry);
    });

  async function current({ project, container }) {
    const now = (await world.containers()).get(project);
    const isOn = now?.state === "running" || now?.state === "paused";
    return now?.id === container.id && isOn && !held.has(project);
  }

  /** Why a project may not sleep now. @param {boolean} isExplicit whether a person wants it, however short a while ago it was used */
  async function refusal(entry, isExplicit) {
    const { config, container, known, floor } = entry;
    const said = await world.observe(container);
    if (!said) return "it does not say what it does";
    const seen = steadied(said, known, { steady: clock.steady(), ahead: clock.ahead(), floor });
    const { sleep } = config;
    const last = Math.max(seen.lastActivity, seen.transfer ?? 0, seen.ports ?? 0);
    const left = (sleep?.afterMs ?? 0) - (seen.now - last);
    entry.due = clock.steady() + Math.min(LATEST_MS, Math.max(SOONEST_MS, left));
    if (isExplicit) return sentence(working(seen));
    const why = decide(seen, sleep, seen.now);
    return why === "sleep" ? undefined : sentence(why);
  }

  /** Asked by the clock. */
  async function consider(entry) {
    const isBusy = () => entry.state !== "awake" || entry.work || leases.has(entry.project);
    if (isBusy() || held.has(entry.project) || !entry.config?.sleep) return;
    if (clock.steady() < entry.due) return;
    const why = await refusal(entry, false);
    if (isBusy()) return;
    entry.reason = why;
    const falling = [...entries.values()].filter(({ work }) => work?.kind === "sleep").length;
    if (!why && falling < AT_ONCE) void startSleep(entry, false);
  }

  const leases = makeLeases({
    world,
    clock,
    history,
    held,
    find,
    entryOf,
    wake: (project, why) => keeper.wake(project, why),
  });
  const settle = makeSettle({
    world,
    clock,
    history,
    held,
    startWake,
    swapOut,
    leases,
    forget: (project) => entries.delete(project),
  });

  /** Looks at everything, and puts right what is not as it should be. What changes meanwhile is left for the next look. */
  async function look() {
    await leases.look();
    const before = new Map([...entries].map(([project, { changes }]) => [project, changes]));
    const [configs, containers, marks] = await Promise.all([
      world.configs(),
      world.containers(),
      world.marks(),
    ]);
    const jumped = hasJumped();
    const projects = new Set([...configs.keys(), ...marks.keys(), ...entries.keys()]);
    const each = async (project) => {
      const entry = entryOf(project);
      if (jumped) entry.floor = clock.steady();
      if (entry.work || entry.changes !== (before.get(project) ?? 0)) return;
      const found = {
        config: configs.get(project),
        container: containers.get(project),
        mark: marks.get(project),
      };
      entry.settling = settle(entry, found).finally(() => {
        entry.settling = undefined;
      });
      await entry.settling;
    };
    const results = await Promise.allSettled([...projects].map(each));
    history.forget(projects);
    const failed = results.find(({ status }) => status === "rejected");
    if (failed) throw failed.reason;
  }

  async function find(project) {
    // Of a name that nobody has configured nothing is looked at.
    if (!entries.get(project)?.config && (await world.configs()).has(project)) await look();
    const entry = entries.get(project);
    if (!entry?.config) throw new Unknown(`There is no project ${project}.`);
    return entry;
  }

  const keeper = {
    held,
    sick,
    history,
    leases,
    look,
    /** Puts those to sleep that nobody has used for as long as their entries say. */
    considerAll: () => Promise.allSettled([...entries.values()].map(consider)),
    list: () =>
      [...entries.values()].map(({ project, state, since, reason: own, figures }) => {
        const reason = leases.reasonOf(project) ?? sick.get(project) ?? own;
        return {
          project,
          state: state === "awake" && held.has(project) ? "waiting" : state,
          since,
          ...(reason ? { reason } : {}),
          ...(leases.kindOf(project) === "hold" ? { held: true } : {}),
          ...(state === "asleep" && figures ? { figures } : {}),
        };
      }),
    /** Ends once the project's server answers. @throws Refused, Unknown */
    async wake(project, why = "somebody asked for it") {
      await find(project);
      await leases.over(project);
      const entry = await find(project);
      entry.isAsked = true;
      while (entry.work && entry.work.kind !== "wake") await entry.work.done.catch(() => {});
      // Also of one whose wake is under way: it ends then.
      if (held.has(project)) {
        if (!entry.work) entry.isAsked = false;
        return letGo(entry);
      }
      if (entry.work?.kind === "wake") return entry.work.waited;
      entry.isAsked = false;
      if (entry.state === "asleep") return startWake(entry, why);
      if (entry.state !== "awake")
        throw new Refused(`${project} is stopped${entry.reason ? `: ${entry.reason}` : ""}`);
    },
    /** @returns bytes, where there is swap @throws Refused, Unknown */
    async sleep(project) {
      const entry = await find(project);
      if (entry.state === "asleep" && !entry.work) return entry.figures;
      refuseBusy(entry);
      if (entry.state !== "awake" || held.has(project))
        throw new Refused("it is stopped, or has not started yet");
      const why = await refusal(entry, true);
      if (why) throw new Refused(why);
      refuseBusy(entry);
      await startSleep(entry, true);
      return entry.figures;
    },
    /** Somebody stops a container that may be asleep: it goes on, so that it ends in order. */
    async stopping(project, id) {
      await leases.stopping(project, id);
      const entry = entries.get(project);
      if (entry?.container?.id !== id || (entry.state !== "asleep" && entry.state !== "falling-asleep"))
        return;
      // It ends with the transition.
      entry.isAsked = entry.work !== undefined;
      try {
        await world.unpause(entry.container).catch(ignorePaused);
      } catch (error) {
        history.add(project, "not resumed", error.message);
      }
    },
    /** A container has ended: requests go straight to its address no more, where it may start again, or another. */
    async ended(project, id) {
      const entry = entries.get(project);
      if (entry?.container?.id !== id || !entry.config) return;
      const text = awakeText(entry);
      await entry.work?.done.catch(() => {});
      if ((await world.marks()).get(project)?.text === text) await world.unmark(project);
    },
    /** Restarts a container once nothing else is under way. @throws Refused where it is not the moment for it */
    async restart(project, run) {
      const entry = await find(project);
      while (entry.work) await entry.work.done.catch(() => {});
      refuseBusy(entry);
      await entry.begin("restart", run);
    },
    /** @param {string} project @throws Unknown */
    entryOf: find,
  };

  function refuseBusy({ project, work }) {
    const lease = leases.kindOf(project);
    if (lease) throw new Refused(REASONS[lease]);
    if (work) throw new Refused(BUSY[work.kind] ?? "it is being changed");
  }

  async function letGo(entry) {
    // A look may not have seen it since it has started.
    entry.container = (await world.containers()).get(entry.project) ?? entry.container;
    await held.get(entry.project)?.();
    const until = clock.unmoved() + 120_000;
    while (!(entry.config && entry.container && (await world.answers(entry.container, entry.config)))) {
      if (!entry.config) throw new Unknown(`There is no project ${entry.project} any more.`);
      if (clock.unmoved() > until) throw new Refused("its server has not answered within two minutes");
      await world.wait(250);
    }
  }

  return keeper;
}
