/** Restarts a project, or everything of a stack in order. */
import { setTimeout as sleep } from "node:timers/promises";
import { fail } from "../../config/errors.ts";
import type { Names } from "../../config/naming/names.ts";
import { RESTARTED_AT_ONCE, restartedFirst, restartedLast } from "../../config/naming/restart-order.ts";
import { plainText } from "../../config/text/plain.ts";
import { makeKeeper } from "../keeper/client.ts";
import { waitsForItsTurn } from "./container-state.ts";
import { type ContainerState, listContainersBy, projectContainer, type RunDocker } from "./containers.ts";

/** Milliseconds for one container: the grace to end in, its start, and the keeper's diagnosis. */
const TIMEOUT_MS = 120_000;
/** Between two looks. Milliseconds. */
const LOOK_MS = 500;

/**
 * Restarts a project's container, and waits until it is healthy or the timeout. Its sessions go on from what is written down.
 * @returns what it says, once it is healthy
 * @throws UserError if it is not running, or is not healthy in time
 */
export async function restartProject(run: RunDocker, names: Names, project: string): Promise<string> {
  const container = await projectContainer(run, names.prefix, project);
  if (container?.status !== "running" && container?.status !== "paused")
    fail(
      "conflict",
      project,
      "is not running, so there is nothing to restart",
      "start it: state: running in projects.yaml",
    );
  const answer = await makeKeeper(run, names.keeper).restart(project);
  if (answer.kind !== "answered") {
    // Without a keeper nobody opens the gate of a container that starts again.
    const gate = ["exec", container.name, "/usr/local/lib/opencode-platform/gate", "go"];
    const restarted = await run(["restart", "--time", "10", container.name], TIMEOUT_MS);
    if (restarted.code !== 0)
      fail(
        "environment",
        project,
        `it can't be restarted: ${plainText(restarted.stderr).trim() || answer.reason}`,
      );
    await run(gate);
  }
  return awaitHealthy(run, names, project);
}

async function awaitHealthy(run: RunDocker, names: Names, project: string): Promise<string> {
  const until = performance.now() + TIMEOUT_MS;
  for (;;) {
    const found = await projectContainer(run, names.prefix, project);
    if (found?.health === "healthy" && !waitsForItsTurn(found)) return found.healthLine;
    if (performance.now() > until)
      return fail(
        "environment",
        project,
        `is not healthy yet: ${found?.healthLine || "no reason given"}`,
        "npm run doctor says more",
      );
    await sleep(LOOK_MS);
  }
}

/** What is restarted, in order: the platform's own containers, and then what depends on them. */
export function restartOrder(containers: readonly ContainerState[], names: Names) {
  const running = containers.filter(({ status }) => status === "running");
  const isRunning = (name: string) => running.some((each) => each.name === name);
  return {
    own: restartedFirst(names).filter(isRunning),
    services: running.filter(({ service }) => service).map(({ name }) => name),
    projects: running.filter(({ project }) => project !== "").map(({ project }) => project),
    /** Asleep: they start nothing until somebody asks for them. */
    asleep: containers
      .filter(({ project, status }) => project !== "" && status === "paused")
      .map(({ project }) => project),
    last: restartedLast(names).filter(isRunning),
  };
}

/**
 * Restarts all that runs of a stack: packet rules and gateway first, then services, projects a few at a time, and last the panel and the connector,
 * by which somebody may be connected.
 * @param say receives a line for each
 * @returns the projects that are not healthy
 */
export async function restartAll(
  run: RunDocker,
  names: Names,
  say: (line: string) => void,
): Promise<string[]> {
  const order = restartOrder(await listContainersBy(run, names.prefix), names);
  const restart = async (name: string) => {
    const { code, stderr } = await run(["restart", "--time", "10", name], TIMEOUT_MS);
    say(
      code === 0
        ? `${name}: restarted`
        : `${name}: ${plainText(stderr).trim() || "the connection to it has ended"}`,
    );
  };
  for (const name of [...order.own, ...order.services]) await restart(name);
  const failed: string[] = [];
  const rest = [...order.projects];
  const worker = async () => {
    for (let project = rest.shift(); project !== undefined; project = rest.shift())
      try {
        say(`${project}: ${await restartProject(run, names, project)}`);
      } catch (error) {
        failed.push(project);
        say((error as Error).message);
      }
  };
  await Promise.all(Array.from({ length: RESTARTED_AT_ONCE }, worker));
  for (const project of order.asleep) say(`${project}: is asleep, and is left so`);
  for (const name of order.last) await restart(name);
  return failed;
}
