import { fail } from "../../config/errors.ts";
import { PLATFORM_LABEL } from "../../config/naming/names.ts";
import { docker } from "../../toolchain/lib/docker.ts";
import type { RunDocker } from "../docker/containers.ts";
import {
  type Deployment,
  type HalfMade,
  halfMade,
  readDeployment,
  withoutPending,
} from "../state/checkpoint.ts";
import { releaseLocks, rewriteState } from "../state/state.ts";
import { dockerEnv, PROJECT, readSettings } from "./checkout.ts";
import { endOrphans } from "./leftovers.ts";
import type { Session } from "./session.ts";

/** Receives a line about what was done, for people. */
export type Notify = (line: string) => void;

/**
 * Repairs what an interrupted engine (a crash, `kill -9`, a power cut) leaves of this machine's stack: its
 * lock, its plugins, and unfinished resources. Ends the script if the stack is in use.
 */
export async function heal(session: Session, notify: Notify): Promise<void> {
  const wasCutOff = releaseLocks(session, notify);
  const deployment = readDeployment(session.backend.folder ?? "", PROJECT, session.stack);
  const pending = deployment?.pending.length ?? 0;
  if (wasCutOff || pending > 0) await endLeftPlugins(session, notify);
  if (!deployment || pending === 0) return;
  const settings = readSettings();
  const env = dockerEnv(settings);
  await removeHalfMade(deployment, settings.namePrefix, (args, ms) => docker(args, env, ms), notify);
  await rewriteState(session, withoutPending);
  sayCleared(pending, notify);
}

/** Ends the plugins of an engine that no longer runs: they would continue creating during the next update. */
export async function endLeftPlugins({ backend }: Session, notify: Notify): Promise<void> {
  if (!backend.url) return;
  const ended = await endOrphans(backend.url);
  if (ended > 0) notify(`Ended ${ended} plugin process${ended === 1 ? "" : "es"} of an interrupted engine.`);
}

/**
 * A non-interactive `pulumi up` keeps interrupted creations in the state and warns of them every time, so
 * they
 * are removed. Updates and deletions are repeated from the resource's entry in the state.
 */
export function sayCleared(count: number, notify: Notify): void {
  notify(
    `Cleared ${count} unfinished operation${count === 1 ? "" : "s"} from the state; the next update repeats them.`,
  );
}

/** Removes containers and networks with our label that were being created and are not in the state. */
export async function removeHalfMade(
  deployment: Deployment,
  prefix: string,
  run: RunDocker,
  notify: Notify,
): Promise<void> {
  for (const leftover of halfMade(deployment)) await removeOne(leftover, prefix, run, notify);
}

async function removeOne(
  { kind, name }: HalfMade,
  prefix: string,
  run: RunDocker,
  notify: Notify,
): Promise<void> {
  const path = kind === "container" ? ".Config.Labels" : ".Labels";
  const format = `{{index ${path} "${PLATFORM_LABEL}"}}`;
  const { code, stdout } = await run([kind, "inspect", "--format", format, name]);
  if (code !== 0 || stdout.trim() !== prefix) return;
  const removed = await run(
    [kind, ...(kind === "container" ? ["rm", "--force", name] : ["rm", name])],
    60_000,
  );
  if (removed.code === 0) notify(`Removed the unfinished ${kind} ${name}.`);
  else fail("environment", `${kind} ${name}`, `is unfinished and can't be removed: ${removed.stderr.trim()}`);
}
