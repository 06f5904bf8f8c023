/** Whether somebody, or an agent, works in a project now. */
import { UserError } from "../../config/errors.ts";
import { apiFor, isUnexpectedAnswer } from "../../opencode/api/index.ts";
import { isAsking, setupOf } from "../docker/container-state.ts";
import type { ContainerState, RunDocker } from "../docker/containers.ts";
import { sessionsSince } from "./rollback.ts";

/** Minutes after the last use of a session in which its person may still be there. */
const QUIET_MINUTES = 15;

/**
 * Why a project can't be restarted without anybody noticing; undefined if it can. A container that is not running, sleeps, or only asks
 * about its repository, has nothing to lose; one that says nothing is taken to be in use. A command in a terminal is not seen.
 * @param version opencode's release
 */
export async function whyInUse(
  run: RunDocker,
  container: ContainerState | undefined,
  version: string,
  now: number,
): Promise<string | undefined> {
  if (container?.status !== "running" || isAsking(container)) return undefined;
  if (container.health === "starting") return "it is starting";
  if (container.health === "unhealthy") return undefined;
  if (setupOf(container)?.isRunning) return "its setup is running";
  try {
    if ((await busySessions(run, container.name, version)).length > 0) return "its agent is working";
    const used = await sessionsSince(run, container.name, version, now - QUIET_MINUTES * 60_000);
    return used.length > 0 ? `a session was used less than ${QUIET_MINUTES} minutes ago` : undefined;
  } catch (error) {
    if (error instanceof UserError || isUnexpectedAnswer(error))
      return "it does not say whether it is in use";
    throw error;
  }
}

async function busySessions(run: RunDocker, container: string, version: string): Promise<readonly string[]> {
  const { path, read } = apiFor(version).busy;
  const script = `. /usr/local/lib/opencode-platform/server && ask '${path}'`;
  const { code, stdout } = await run(["exec", container, "bash", "-c", script]);
  return read({ status: code === 0 ? 200 : 503, body: stdout });
}
