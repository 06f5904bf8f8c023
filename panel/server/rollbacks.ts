/** What projects can go back to: the copies of their sessions that were made before other releases of opencode opened them. */
import type { Session } from "../../opencode/api/index.ts";
import type { RunDocker } from "../../operate/docker/containers.ts";
import { type Copy, findCopy, sessionsLeft } from "../../operate/opencode/rollback.ts";

export interface Rollbacks {
  /**
   * The copy that a project goes back to. One that sleeps is woken: its container has the copies, and names the sessions.
   * @param version the release that it runs
   * @throws UserError if there is none, or the project is not running
   */
  find(project: string, version: string): Promise<Copy>;
  /** The sessions used since the copy was made, which are left behind; undefined if opencode is not responding. */
  left(project: string, version: string, copy: Copy): Promise<readonly Session[] | undefined>;
}

/**
 * @param containerOf returns the name of a project's container
 * @param wake ends once a project does not sleep
 */
export const makeRollbacks = (
  run: RunDocker,
  containerOf: (project: string) => string,
  wake: (project: string) => Promise<void>,
): Rollbacks => ({
  find: async (project, version) => {
    await wake(project);
    return findCopy(run, containerOf(project), version);
  },
  left: (project, version, { madeAt }) => sessionsLeft(run, containerOf(project), version, madeAt),
});
