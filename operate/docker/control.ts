/** Starts and stops a project's container immediately; projects.yaml is updated later. */
import type { Engine } from "./engine.ts";

/** Seconds for opencode to finish its writes. */
const GRACE = 10;

/** Both return whether the container exists. */
export interface Control {
  start(project: string): Promise<boolean>;
  stop(project: string): Promise<boolean>;
}

/**
 * A project's services start before it, and stop after it.
 * @param containerOf returns the name of a project's container
 * @param servicesOf returns the names of its services' containers
 */
export const makeControl = (
  engine: Engine,
  containerOf: (project: string) => string,
  servicesOf: (project: string) => readonly string[],
): Control => ({
  async start(project) {
    await Promise.all(servicesOf(project).map((name) => engine.start(name)));
    return engine.start(containerOf(project));
  },
  async stop(project) {
    const isThere = await engine.stop(containerOf(project), GRACE);
    await Promise.all(servicesOf(project).map((name) => engine.stop(name, GRACE)));
    return isThere;
  },
});
