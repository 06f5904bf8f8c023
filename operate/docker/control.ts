/** Starts and stops a project's container at once; what projects.yaml says follows. */
import type { Engine } from "./engine.ts";

/** Seconds in which opencode may finish what it writes. */
const GRACE = 10;

/** Each answers whether there is a container. */
export interface Control {
  start(project: string): Promise<boolean>;
  stop(project: string): Promise<boolean>;
}

/** @param containerOf the name of a project's container */
export const makeControl = (engine: Engine, containerOf: (project: string) => string): Control => ({
  start: (project) => engine.start(containerOf(project)),
  stop: (project) => engine.stop(containerOf(project), GRACE),
});
