// One operation on a project at a time: a second one is refused. So is any on a project that an interrupted one has left between what was there and what is new.
import { Refused } from "./errors.mjs";

/** @typedef {ReturnType<typeof makeLocks>} Locks */

/**
 * @param {() => Date} now
 * @param {(project: string) => Promise<boolean>} isHalfDone whether a project has parts of both
 */
export function makeLocks(now = () => new Date(), isHalfDone = async () => false) {
  /** @type {Map<string, {what: string, since: string}>} */
  const held = new Map();

  async function hold(project, what, work) {
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
  }

  return {
    /**
     * Does something to a project that nothing else may be done to meanwhile.
     * @template T
     * @param {string} project @param {string} what as in "<project> is busy: <what>": `backup`, `roll-back` @param {() => Promise<T>} work
     * @returns {Promise<T>} throws Refused while there is another, and for a project that is not put back yet
     */
    lock: (project, what, work) =>
      hold(project, what, async () => {
        if (await isHalfDone(project))
          throw new Refused(
            `${project} is being put back to what it was before, since something was interrupted`,
            "try again in a minute; if it stays so, the log of the storage container says why",
          );
        return work();
      }),
    /** The same for what puts it back. @template T @param {string} project @param {() => Promise<T>} work @returns {Promise<T>} */
    recover: (project, work) => hold(project, "recovery", work),
    isHeld: (project) => held.has(project),
    /** @returns {{project: string, what: string, since: string}[]} */
    running: () => [...held].map(([project, each]) => ({ project, ...each })),
  };
}
