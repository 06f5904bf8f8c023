// What the storage program asks the keeper: to hold a project still for a moment, and to stop one while its parts are replaced. Both are leases: if this
// program ends, the keeper lets the project go on by itself.
import { Refused } from "./errors.mjs";

/** How long a lease holds without being renewed, and after how long it is. Seconds, milliseconds. */
export const HOLD = { seconds: 15, renewMs: 4000 };
export const PARK = { seconds: 60, renewMs: 15_000 };
/** Stopping takes a container's grace time; starting is waited for by the keeper itself, for 2 minutes. Milliseconds. */
const TIMEOUT_MS = 180_000;

/** @typedef {ReturnType<typeof makeKeeper>} Keeper */

/** @param {{machine: import("./machine.mjs").Machine, log: (line: string) => void, now?: () => number}} parts `now` in milliseconds, never set */
export function makeKeeper({ machine, log, now = () => performance.now() }) {
  /** What is held or parked now, to be let go when this program is told to end. @type {Map<string, () => Promise<unknown>>} */
  const held = new Map();

  async function post(verb, project, seconds) {
    const query = new URLSearchParams({ project, ...(seconds ? { seconds: String(seconds) } : {}) });
    const { status, body } = await machine.ask("POST", `/${verb}?${query}`, { timeout: TIMEOUT_MS });
    if (status !== 200) throw new Refused(`the keeper can't ${verb} ${project}: ${body?.error ?? `status ${status}`}`);
    return body;
  }

  /** Renews a lease until it is told to end. @returns {() => Promise<boolean>} ends it; whether it has held all the time */
  function renew(verb, project, { seconds, renewMs }) {
    let isWanted = true;
    let isWhole = true;
    let renewedAt = now();
    const look = () => {
      if (now() - renewedAt > seconds * 1000) isWhole = false;
    };
    const loop = async () => {
      for (;;) {
        await machine.wait(renewMs);
        if (!isWanted) return;
        try {
          await post(verb, project, seconds);
          look();
          renewedAt = now();
        } catch (error) {
          log(`${project}: ${error.message}`); // a keeper that has just started knows of the lease; the next try renews it
        }
      }
    };
    void loop();
    return () => {
      isWanted = false;
      look();
      return isWhole;
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
      const { was } = await post("hold", project, HOLD.seconds);
      const release = () => post("release", project);
      held.set(project, release);
      const end = renew("hold", project, HOLD);
      let isWhole = false;
      let result;
      try {
        result = await work(was);
      } finally {
        isWhole = end();
        held.delete(project);
        await release().catch((error) => log(`${project}: ${error.message}`)); // else the lease ends by itself
      }
      if (!isWhole) throw new Error(`${project} went on meanwhile, since the keeper did not answer`);
      return result;
    },

    /**
     * Does something while a project is stopped, and whoever asks for it waits.
     * @template T
     * @param {string} project @param {(was: string) => Promise<T>} work
     * @returns {Promise<{result: T, was: string, state: string, answers: boolean}>} how it is since: started and answering, or stopped as it was
     */
    async parked(project, work) {
      const { was } = await post("park", project, PARK.seconds);
      const unpark = () => post("unpark", project);
      held.set(project, unpark);
      const end = renew("park", project, PARK);
      let result;
      try {
        result = await work(was);
      } catch (error) {
        end();
        held.delete(project);
        await unpark().catch((problem) => log(`${project}: ${problem.message}`));
        throw error;
      }
      end();
      held.delete(project);
      const { state, answers } = await unpark();
      return { result, was, state, answers: Boolean(answers) };
    },

    /** Lets everything go: this program ends. */
    releaseAll: () => Promise.allSettled([...held.values()].map((release) => release())),
  };
}
