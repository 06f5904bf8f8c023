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

/** Receives a line for a person about what has been done. */
export type Notify = (line: string) => void;

/**
 * Mends what an engine leaves behind that was ended in mid-update of this machine's stack (a crash, `kill -9`, a power cut): its
 * lock, its plugins, and what it was creating. Ends with an explanation when the stack is really in use.
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

/** Ends the plugins of an engine that is gone: they would go on creating beside the next update. */
export async function endLeftPlugins({ backend }: Session, notify: Notify): Promise<void> {
  if (!backend.url) return;
  const ended = await endOrphans(backend.url);
  if (ended > 0) notify(`Ended ${ended} plugin process${ended === 1 ? "" : "es"} that it left behind.`);
}

/**
 * A non-interactive `pulumi up` keeps interrupted creations in the state for ever and warns of them each time, so they
 * are taken out. Changes and deletions are repeated from what the state says of the resource, which is still there.
 */
export function sayCleared(count: number, notify: Notify): void {
  notify(
    `Cleared ${count} unfinished operation${count === 1 ? "" : "s"} from the state; the next update does them again.`,
  );
}

/** Removes the containers and networks that bear our label, were being made, and that the state does not know. */
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
  if (removed.code === 0) notify(`Removed the half-made ${kind} ${name}.`);
  else fail("environment", `${kind} ${name}`, `is half made, and can't be removed: ${removed.stderr.trim()}`);
}
