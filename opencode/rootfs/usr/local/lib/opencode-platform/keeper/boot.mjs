// After a reboot or a restart of Docker all containers start at once, and each waits at its gate (`gate` in the image): here they are let go, a few at
// a time. One that somebody asks for goes at once; those that were asleep wait until somebody does. What starts while nothing else waits, after a crash
// or a restart, goes at once, too.
import { runIn } from "./commands.mjs";
import { GATE, lookAtGate } from "./gate.mjs";
import { asleepText, awakeText, led, routesText, WAITS } from "./transitions.mjs";

/** Projects that start at the same time, besides those that are asked for. */
export const AT_ONCE = 2;
/** After this long the next ones start, whether it answers or not: a clone takes as long as it takes. Milliseconds. */
const STARTING_MS = 60_000;
/** Between two looks at a container that has just started, and for how long. Milliseconds. */
const LOOK_MS = 200;
const UNKNOWN_MS = 10_000;
/** How long the gateway has to lead requests to the waker. It reads files half a second after they have changed. Milliseconds. */
const SWITCH_MS = 5000;

/** How long a gate is told to wait before it is told again: it waits for an hour (`held` in it). Milliseconds. */
const HOLD_MS = 20 * 60_000;
/** So many gates are told at once. */
const HOLDS = 4;

/**
 * Which projects start next. Pure.
 * @param {readonly {project: string, isAsked: boolean, wasAsleep: boolean}[]} waiting in the order in which they were found
 * @param {number} starting how many start now
 * @returns {string[]}
 */
export function next(waiting, starting) {
  const asked = waiting.filter(({ isAsked }) => isAsked);
  const others = waiting.filter(({ isAsked, wasAsleep }) => !isAsked && !wasAsleep);
  const room = Math.max(0, AT_ONCE - starting - asked.length);
  return [...asked, ...others.slice(0, room)].map(({ project }) => project);
}

/** Whether a mark is that of a sleeping project, whatever address its container had before. */
const isAsleep = (text, { asleep }) =>
  !text.endsWith(WAITS) &&
  routesText(asleep)
    .split("{address}")
    .every((part) => text.includes(part));

/**
 * @param {{docker: import("./docker.mjs").Docker, world: import("./transitions.mjs").World, keeper: import("./keeper.mjs").Keeper,
 *   history: ReturnType<typeof import("./history.mjs").makeHistory>, gate?: (pid: number) => Promise<string>, now?: () => number}} parts
 */
export function makeBoot({
  docker,
  world,
  keeper,
  history,
  gate = lookAtGate,
  now = () => performance.now(),
}) {
  const { held } = keeper;
  /** @typedef {{project: string, container: import("./world.mjs").Container, config: import("./world.mjs").Config, pid: number, isAsked: boolean,
   *   wasAsleep: boolean, hadMark: boolean, isMarked: boolean, toldAt: number, failed?: string, starting?: Promise<void>}} Waiting */
  /** @type {Map<string, Waiting>} */
  const known = new Map();
  /** Ids of containers that are looked at. */
  const examined = new Set();
  /** Containers that have passed their gates, by project. @type {Map<string, string>} */
  const open = new Map();

  const tell = ({ container }, word) => runIn(docker, container.id, [GATE, word]);

  /**
   * The mark of one that was woken before it ended leads requests straight to its address: opencode 1.18 never answers what comes between its beginning to
   * listen and its being ready, 0.2 s later.
   */
  async function leadAway(one) {
    if (one.isMarked || one.wasAsleep || !one.hadMark) return;
    await mark(one);
    await led(world, one.config, { withinMs: SWITCH_MS });
  }

  /** Lets one go, and waits until it answers. */
  async function start(one) {
    const { container, config, project } = one;
    const began = performance.now();
    try {
      await leadAway(one);
      const { code, text } = await tell(one, "go");
      if (code !== 0) throw new Error(text.trim() || `its gate ends with ${code}`);
      while (performance.now() - began < STARTING_MS && known.get(project) === one) {
        if (await world.answers(container, config)) break;
        await world.wait(LOOK_MS);
      }
      if (one.isMarked)
        history.add(project, "started", one.isAsked ? "somebody asked for it" : "it was its turn");
    } catch (error) {
      return later(one, error.message);
    }
    await release(one);
  }

  /** It was not let go. The next look tries again, after those that wait behind it. */
  function later(one, why) {
    const { project } = one;
    one.starting = undefined;
    if (one.failed !== why) history.add(project, "not started", `${why}; it is tried again`);
    one.failed = why;
    if (known.get(project) !== one) return;
    known.delete(project);
    known.set(project, one);
  }

  async function release(one) {
    if (known.get(one.project) !== one) return;
    known.delete(one.project);
    held.delete(one.project);
    // Its requests go to its address for as long as the gateway does not know it; the keeper takes the mark away then.
    if (one.isMarked || one.hadMark) await world.mark(one.project, awakeText(one));
    await advance();
  }

  async function advance() {
    const all = [...known.values()];
    const waiting = all.filter(({ starting }) => !starting);
    for (const project of next(waiting, all.length - waiting.length)) {
      const one = known.get(project);
      if (one) one.starting = start(one);
    }
    for (const one of waiting) if (!one.starting && !one.isMarked) await mark(one);
  }

  /** Whoever asks for it meanwhile wakes it, as if it were asleep. */
  async function mark(one) {
    one.isMarked = true;
    await world.mark(one.project, `${asleepText(one)}${one.wasAsleep ? "" : WAITS}`);
    history.add(
      one.project,
      "waiting",
      one.wasAsleep ? "it was asleep, and starts when somebody asks for it" : "for its turn",
    );
  }

  /** A container that waits at its gate. */
  function add(project, container, config, pid, found) {
    const wasAsleep = found !== undefined && isAsleep(found.text, config) && config.sleep !== null;
    const one = {
      project,
      container,
      config,
      pid,
      wasAsleep,
      isAsked: false,
      hadMark: found !== undefined,
      isMarked: false,
      toldAt: Number.NEGATIVE_INFINITY,
    };
    known.set(project, one);
    held.set(project, async () => {
      one.isAsked = true;
      await advance();
    });
  }

  /** Looks at a container that runs, until it is known whether it waits; one that has passed its gate at once is not held for that. */
  async function examine(project, container, config, mark, patience) {
    const pid = (await docker.inspect(container.id)).State.Pid;
    let seen = 0;
    for (let waited = 0; pid > 0 && waited <= patience; waited += LOOK_MS) {
      const found = await gate(pid);
      if (found === "open") return void open.set(project, container.id);
      seen = found === "waiting" ? seen + 1 : 0;
      if (seen > 1) return add(project, container, config, pid, mark);
      await world.wait(LOOK_MS);
    }
  }

  /** @param {string} [only] project @param {number} [patience] with one that has hardly started. Milliseconds. */
  async function lookFor(only, patience = UNKNOWN_MS) {
    const [configs, containers, marks] = await Promise.all([
      world.configs(),
      world.containers(),
      world.marks(),
    ]);
    const each = async ([project, container]) => {
      const config = configs.get(project);
      if (!config || container.state !== "running" || known.get(project)?.container.id === container.id)
        return;
      if (examined.has(container.id) || open.get(project) === container.id) return;
      examined.add(container.id);
      await examine(project, container, config, marks.get(project), patience)
        .catch(() => {}) // it has just ended, or the next look tries again
        .finally(() => examined.delete(container.id));
    };
    await Promise.all(
      [...containers].filter(([project]) => only === undefined || project === only).map(each),
    );
    await advance();
  }

  return {
    /** Everything that waits now: before the gateway gets its routes. */
    first() {
      open.clear();
      return lookFor();
    },
    /** A container has started. */
    started(project) {
      open.delete(project);
      return lookFor(project);
    },
    /** A container has ended, or was removed: what is left of it is the keeper's. */
    async ended(project, id) {
      if (open.get(project) === id) open.delete(project);
      const one = known.get(project);
      if (one?.container.id !== id) return;
      known.delete(project);
      held.delete(project);
      if (one.isMarked && !one.wasAsleep && !keeper.leases.has(project)) await world.unmark(project);
      await advance();
    },
    /**
     * Whatever was missed, or has failed, is tried again; and those that wait are told that the keeper knows of them, a few at a time, while others
     * start: else they would go by themselves, all of them together.
     */
    async look() {
      for (const one of [...known.values()]) {
        if (one.starting) continue;
        const found = await gate(one.pid);
        if (found === "open") await release(one);
        // Its process is gone, and nobody has said so.
        if (found === "unknown" && known.get(one.project) === one) {
          known.delete(one.project);
          held.delete(one.project);
        }
      }
      await lookFor(undefined, LOOK_MS);
      const due = [...known.values()].filter(({ starting, toldAt }) => !starting && now() - toldAt > HOLD_MS);
      const hold = async (one) => {
        const { code } = await tell(one, "hold");
        if (code === 0) one.toldAt = now();
      };
      await Promise.allSettled(due.slice(0, HOLDS).map(hold));
    },
  };
}
