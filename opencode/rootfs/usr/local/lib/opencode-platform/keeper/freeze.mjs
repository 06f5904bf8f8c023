// Freezes all of a project for a copy of its files, or stops it for other files in their place; and lets it go on. What is paused or stopped is written
// in its lease (leases.mjs) before.
import { asleepText, awakeText, calm, ignorePaused, led, Refused, WAITS } from "./transitions.mjs";

/** How long the gateway has to read a file: until then it knows no container that is paused. Milliseconds. */
const READ_MS = 1000;

const isUp = (container) => /^(running|paused|restarting)$/.test(container?.state ?? "");

/** What is there no more needs nothing. */
const gone = (error) => {
  if (error.status !== 404 && error.status !== 409) throw error;
};

/** Its mark while it is parked: a keeper that finds nothing else starts it in its turn, and one that was asleep once somebody asks. */
export const parkedText = ({ config }, { was, address = "" }) =>
  `${asleepText({ config, container: { address } })}${was === "asleep" ? "" : WAITS}`;

/** An update has stopped a project where none of its routes leads to its container any more. */
function mayRun(config) {
  if (!config) return false;
  const awake = typeof config.awake === "string" ? JSON.parse(config.awake) : config.awake;
  const routers = awake.http?.routers;
  return !routers || Object.values(routers).some(({ service }) => service === `${config.project}_address`);
}

/**
 * @typedef {import("./entry.mjs").Entry} Entry
 * @typedef {import("./lease-files.mjs").Lease} Lease
 * @param {{world: import("./transitions.mjs").World, held: Map<string, () => Promise<void>>}} parts
 */
export function makeFreezer({ world, held }) {
  /** By Docker's word of now: what a look has seen may be old. @returns {Promise<import("./lease-files.mjs").Was>} */
  async function stateOf({ project }, container) {
    const state = container?.state;
    if (state === "paused") return (await world.marks()).has(project) ? "asleep" : "stopped";
    if (state !== "running" && state !== "restarting") return "stopped";
    const isAtGate = held.has(project) || (state === "running" && (await world.gate(container)) !== "open");
    return isAtGate ? "waiting" : "awake";
  }

  const resume = async (container) => {
    if (container.state === "paused") await world.unpause(container).catch(ignorePaused);
  };
  const start = async (container) => {
    if (!isUp(container)) await world.start(container).catch(gone);
  };

  return {
    /** What a lease is of. @returns {Promise<Pick<Lease, "was" | "own" | "address" | "services">>} @throws Refused */
    async partsOf(entry, kind) {
      const container = (await world.containers()).get(entry.project);
      entry.container = container ?? entry.container;
      const was = await stateOf(entry, container);
      if (kind === "park" && was === "stopped" && container?.state === "paused")
        throw new Refused("it was paused by hand");
      const services = (await world.services(entry.project)).filter(({ state }) => state === "running");
      // Nothing is paused of what starts, over and over or in its turn.
      const isOwn =
        kind === "park"
          ? was !== "stopped"
          : was === "asleep" || (was === "awake" && container.state === "running");
      return {
        was,
        services: services.map(({ id }) => id),
        ...(isOwn ? { own: container.id, address: container.address } : {}),
      };
    },

    /** @param {Lease} lease */
    async hold(entry, { own, was, services }) {
      if (own && was === "awake") {
        // Docker calls a container that is paused unhealthy, and the gateway then has no service of it.
        await world.mark(entry.project, awakeText(entry));
        await world.wait(READ_MS);
        await world.pause({ id: own });
      }
      for (const id of services) await world.pause({ id }).catch(gone);
    },

    /** @param {Lease} lease */
    async park(entry, lease) {
      const { own, was, services } = lease;
      if (own) {
        await world.mark(entry.project, parkedText(entry, lease));
        // Also past a gateway that is not there.
        if ((await led(world, entry.config)) && was === "awake") await calm(world, entry.container);
        if (was === "asleep") await world.unpause({ id: own }).catch(ignorePaused);
        await world.stop({ id: own });
      }
      for (const id of services) await world.stop({ id }).catch(gone);
    },

    /** All of it goes on, as it was before. @param {Lease} lease @param {boolean} isTaken whether its own container is somebody else's by now */
    async goOn(entry, lease, isTaken) {
      const { project } = entry;
      const { kind, own, was, services } = lease;
      const again = kind === "hold" ? resume : start;
      const found = await world.services(project);
      for (const service of found.filter(({ id }) => services.includes(id))) await again(service);
      const container = (await world.containers()).get(project);
      const isItsOwn = !isTaken && own !== undefined && container?.id === own;
      if (isItsOwn && (kind === "hold" ? was !== "asleep" : mayRun(entry.config))) await again(container);
      // By which a look knows since when it is waited for Docker to call it healthy.
      entry.bridge = undefined;
      if (entry.state !== "parked") return;
      entry.container = (await world.containers()).get(project) ?? entry.container;
      const runs = isUp(entry.container);
      entry.become(runs ? "asleep" : "stopped");
      const { address } = entry.container ?? {};
      if (runs && isItsOwn && entry.config && address !== lease.address)
        await world.mark(project, parkedText(entry, { was, address }));
    },
  };
}
