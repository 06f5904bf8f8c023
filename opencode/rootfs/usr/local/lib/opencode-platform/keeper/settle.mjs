// What a look finds of one project, put right: the state on disk and in Docker is all that counts.
import { RELAY_PORT } from "./names.mjs";
import { asleepText, awakeText, ignorePaused } from "./transitions.mjs";

/** How long a woken project's requests go to its address at most, without Docker calling it healthy. Its check runs every 5 seconds. Milliseconds. */
const BRIDGE_MS = 60_000;
/** After Docker calls it healthy, until the gateway has heard of it. Milliseconds. */
const KNOWN_MS = 2500;
/** Before a limit of swap is tried again that could not be put back. Milliseconds. */
const CLOSE_AGAIN_MS = 300_000;

/**
 * @typedef {import("./entry.mjs").Entry} Entry
 * @param {{world: import("./transitions.mjs").World, clock: import("./clock.mjs").Clock,
 *   history: ReturnType<typeof import("./history.mjs").makeHistory>, held: Map<string, () => Promise<void>>,
 *   startWake(entry: Entry, why: string): unknown, swapOut(entry: Entry): Promise<void>,
 *   leases: ReturnType<typeof import("./leases.mjs").makeLeases>, forget(project: string): void}} parts
 */
export function makeSettle({ world, clock, history, held, startWake, swapOut, leases, forget }) {
  /** Puts one project right, as it was found. */
  async function settle(entry, { config, container, mark }) {
    const { project } = entry;
    const wasNever = entry.config?.sleep === null;
    Object.assign(entry, { config, container });
    if (leases.has(project)) {
      if ((await leases.settle(entry, { config, container, mark })) || entry.work) return;
    }
    if (!config) return abandon(entry, mark);
    // Its mark is looked after where its start is.
    if (held.has(project)) return entry.become("awake", entry.reason);
    if (mark && container?.state === "paused") {
      if (entry.config.sleep === null && !wasNever && entry.state === "asleep")
        return void startWake(entry, "it never sleeps any more");
      return stayAsleep(entry, mark);
    }
    if (mark && (await isBridged(entry, mark))) return;
    if (mark) {
      await world.unmark(project);
      if (entry.state === "asleep")
        history.add(
          project,
          "awake",
          container ? `its container is ${container.state}` : "its container is gone",
        );
    }
    if (container?.state !== "running") {
      return entry.become("stopped", container?.state === "paused" ? "paused by hand" : undefined);
    }
    await stayAwake(entry);
  }

  async function stayAwake(entry) {
    const { container } = entry;
    // Of one that this keeper has found awake, what it says itself counts.
    if (entry.state !== "awake" && entry.isKnown) entry.floor = clock.steady();
    entry.isKnown = true;
    entry.become("awake", entry.reason);
    if (entry.closed === container.id) return;
    if (clock.unmoved() < entry.closeDue) return;
    try {
      await world.fromSwap(container);
      entry.closed = container.id;
      entry.closeProblem = "";
    } catch (error) {
      // Rootless Docker, say: it is awake for all that.
      if (entry.closeProblem !== error.message)
        history.add(entry.project, "limit of swap left open", error.message);
      entry.closeProblem = error.message;
      entry.closeDue = clock.unmoved() + CLOSE_AGAIN_MS;
    }
  }

  /**
   * A mark of a container that is not paused. Docker, the machine or somebody else has let it go on, or a keeper has ended while it woke it: its wake is
   * finished. Then its requests go to its address for as long as the gateway does not know it.
   */
  async function isBridged(entry, mark) {
    const { container, project } = entry;
    if (container?.state !== "running" || held.has(project)) return false;
    if (mark.text !== awakeText(entry)) {
      // It has started anew: what waits at its gate is led to its turn (boot.mjs).
      if ((await world.gate(container)) !== "open" || entry.work || held.has(project)) {
        if (!entry.work) entry.become("asleep", entry.reason);
        return true;
      }
      startWake(entry, "it was not paused any more");
      return true;
    }
    await stayAwake(entry);
    const now = clock.unmoved();
    entry.bridge ??= { since: now, healthy: undefined };
    if (container.health !== "healthy") entry.bridge.healthy = undefined;
    else entry.bridge.healthy ??= now;
    const isOver = now - entry.bridge.since > BRIDGE_MS || now - (entry.bridge.healthy ?? now) > KNOWN_MS;
    if (isOver) entry.bridge = undefined;
    return !isOver;
  }

  async function stayAsleep(entry, mark) {
    entry.isKnown = true;
    const { container, project } = entry;
    const isFound = entry.state !== "asleep";
    if (isFound) {
      entry.become("asleep");
      entry.since = new Date(mark.since).toISOString();
    }
    if (mark.text !== asleepText(entry)) await world.mark(project, asleepText(entry));
    // What comes on the relay's connections that were open before is a page's own heartbeat, not a person.
    const { unread, connections } = await world.queues(container, isFound ? [] : [RELAY_PORT]);
    if (entry.work) return;
    if (unread + connections > 0) return void startWake(entry, "something came for it");
    if (isFound) void swapOut(entry);
  }

  /** Its entry is gone from projects.yaml. */
  async function abandon({ project, container }, mark) {
    if (mark && container?.state === "paused") await world.unpause(container).catch(ignorePaused);
    if (mark) await world.unmark(project);
    forget(project);
  }

  return settle;
}
