// One operation on a project at a time: a second one is refused.
import { Refused } from "./errors.mjs";

/** @typedef {ReturnType<typeof makeLocks>} Locks */

/** @param {() => Date} now */
export function makeLocks(now = () => new Date()) {
  /** @type {Map<string, {what: string, since: string}>} */
  const held = new Map();
  return {
    /**
     * Does something to a project that nothing else may be done to meanwhile.
     * @template T
     * @param {string} project @param {string} what as in "<project> is busy: <what>": `backup`, `roll-back` @param {() => Promise<T>} work
     * @returns {Promise<T>} throws Refused while there is another
     */
    async lock(project, what, work) {
      const other = held.get(project);
      if (other)
        throw new Refused(
          `${project} is busy: ${other.what} since ${other.since}`,
          "try again once it has ended (`status` says what runs)",
        );
      held.set(project, { what, since: now().toISOString() });
      try {
        return await work();
      } finally {
        held.delete(project);
      }
    },
    isHeld: (project) => held.has(project),
    /** @returns {{project: string, what: string, since: string}[]} */
    running: () => [...held].map(([project, each]) => ({ project, ...each })),
  };
}
