/** Starts and stops a project's container immediately; projects.yaml is updated later. */
import type { Engine } from "./engine.ts";

/** Seconds for opencode to finish its writes. */
const GRACE = 10;

/** Both return whether the container exists. */
export interface Control {
  start(project: string): Promise<boolean>;
  stop(project: string): Promise<boolean>;
}

/** @param containerOf returns the name of a project's container */
export const makeControl = (engine: Engine, containerOf: (project: string) => string): Control => ({
  start: (project) => engine.start(containerOf(project)),
  stop: (project) => engine.stop(containerOf(project), GRACE),
});
