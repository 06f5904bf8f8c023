// What the storage program asks the keeper: to hold a project still for a moment, and to stop one while its parts are replaced. Both are leases: if this
// program ends, the keeper lets the project go on by itself.
import { Refused } from "./errors.mjs";

/** How long a lease holds without being renewed, in seconds, and after how long it is, in milliseconds. */
export const HOLD = { verb: "hold", seconds: 15, renewMs: 4000 };
export const PARK = { verb: "park", seconds: 60, renewMs: 15_000 };
/** Stopping takes a container's grace time; starting is waited for by the keeper itself, for 2 minutes. Milliseconds. */
const TIMEOUT_MS = 180_000;

/** @typedef {ReturnType<typeof makeKeeper>} Keeper */

/** @param {{machine: import("./machine.mjs").Machine, log: (line: string) => void, now?: () => number}} parts `now`: milliseconds of a clock that is never set */
export function makeKeeper({ machine, log, now = () => performance.now() }) {
  /** What is held now, to be let go when this program is told to end. @type {Map<string, () => Promise<unknown>>} */
  const held = new Map();

  async function post(verb, project, seconds, isRenewal = false) {
    const query = new URLSearchParams({
      project,
      ...(seconds ? { seconds: String(seconds) } : {}),
      ...(isRenewal ? { renew: "1" } : {}),
    });
    const { status, body } = await machine.ask("POST", `/${verb}?${query}`, { timeout: TIMEOUT_MS });
    if (status === 200) return body;
    throw new Refused(`the keeper can't ${verb} ${project}: ${body?.error ?? `status ${status}`}`);
  }
  const logged = (project) => (error) => log(`${project}: ${error.message}`);

  /** A lease that is renewed until its end. */
  async function lease(project, { verb, seconds, renewMs }) {
    const { was } = await post(verb, project, seconds);
    let isWhole = true;
    let isOver = false;
    let renewedAt = now();
    let current = Promise.resolve();
    /** A keeper that is away keeps its leases; one that refuses, or grants it anew, has let the project go on. */
    function renew() {
      current = renewOnce();
      return current;
    }
    async function renewOnce() {
      if (now() - renewedAt > seconds * 1000) isWhole = false;
      try {
        const { renewed } = await post(verb, project, seconds, true);
        if (renewed === false) isWhole = false;
        renewedAt = now();
      } catch (error) {
        logged(project)(error);
        if (error instanceof Refused) isWhole = false;
      }
    }
    const renewing = (async () => {
      for (;;) {
        await machine.wait(renewMs);
        if (isOver) return;
        await renew();
      }
    })();
    renewing.catch(logged(project));
    return {
      was,
      /** No renewal is under way or follows: it would begin another lease. */
      end() {
        isOver = true;
        return current;
      },
      /** Whether it has held until now. */
      async isWhole() {
        await renew();
        return isWhole;
      },
    };
  }

  return {
    /**
     * Does something while a project stands still: paused where it runs. Its memory and its routes stay.
     * @template T
     * @param {string} project @param {(was: string) => Promise<T>} work
     * @returns {Promise<T>} throws where the project went on before the work had ended: what was read is not of one moment
     */
    async frozen(project, work) {
      const hold = await lease(project, HOLD);
      const release = () => post("release", project);
      held.set(project, release);
      let isWhole = false;
      let result;
      try {
        result = await work(hold.was);
        isWhole = await hold.isWhole();
      } finally {
        await hold.end();
        held.delete(project);
        await release().catch(logged(project)); // else the lease ends by itself
      }
      if (!isWhole)
        throw new Refused(
          `${project} went on while its files were copied, so that they are not of one moment`,
          "try again",
        );
      return result;
    },

    /**
     * Does something while a project is stopped, and whoever asks for it waits.
     * @template T
     * @param {string} project @param {(was: string) => Promise<T>} work
     * @returns {Promise<{result: T, was: string, state: string, answers: boolean}>} how it is since: started and answering, or stopped as it was
     */
    async parked(project, work) {
      const park = await lease(project, PARK);
      let result;
      try {
        result = await work(park.was);
      } catch (error) {
        await park.end();
        await post("unpark", project).catch(logged(project)); // else the lease ends by itself
        throw error;
      }
      await park.end();
      const { state, answers } = await post("unpark", project);
      return { result, was: park.was, state, answers: answers === true };
    },

    /** Ends what is left of a lease that an earlier program had. @param {string} project */
    unpark: (project) => post("unpark", project),

    /** Lets go what is held: this program ends. What is parked is in a journal, and put back first. */
    releaseAll: () => Promise.allSettled([...held.values()].map((letGo) => letGo())),
  };
}
