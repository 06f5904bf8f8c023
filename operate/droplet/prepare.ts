import type { SshAccess } from "../../components/host/ssh-files.ts";
import { fail } from "../../config/errors.ts";
import { CloudError } from "../clouds/http.ts";
import { type Clouds, openClouds, readConfig } from "../clouds/open.ts";
import {
  hasDuplicateAccessResources,
  mayHaveStrays,
  readRuns,
  removeStrays,
  reportStrays,
} from "../clouds/strays.ts";
import type { Verb } from "../engine/command-line.ts";
import { endLeftPlugins, type Notify, removeHalfMade, sayCleared } from "../engine/heal.ts";
import { commandFor, type Session } from "../engine/session.ts";
import { type Deployment, withoutPending } from "../state/checkpoint.ts";
import { assertIdle, readState, releaseLocks, rewriteState } from "../state/state.ts";
import { withoutResources } from "../state/surgery.ts";
import { dropletDocker, provideAccess } from "./access.ts";
import { identity } from "./lost.ts";
import { type Loss, lookAtMachine, type Machine } from "./machine.ts";
import { refuseIfProtected, refuseThroughTunnel } from "./protection.ts";
import { refuseSmallerDisk } from "./resize.ts";

/** The command that is about to run. */
export interface CommandContext {
  flags: ReadonlySet<string>;
  notify: Notify;
}

/**
 * Prepares the engine's work on a stack on a droplet: writes the SSH files, repairs the state and removes
 * strays
 * after an interrupted update, and removes lost droplets from the state. A preview reports all of it,
 * changing nothing.
 * @returns the state as it was before
 */
export async function prepareDroplet(
  session: Session,
  verb: Verb,
  { flags, notify }: CommandContext,
): Promise<Deployment> {
  const wasCutOff = verb === "preview" ? false : releaseLocks(session, notify);
  const [deployment, config, runs] = await Promise.all([
    readState(session),
    readConfig(session),
    readRuns(session),
  ]);
  const access = provideAccess(session, deployment);
  const clouds = openClouds(session.stack, config);
  refuseWithoutToken(session, verb, deployment, clouds);
  try {
    const [machine, hasTwins] = await Promise.all([
      lookAtMachine(session, verb, deployment, clouds),
      hasDuplicateAccessResources(clouds, deployment),
    ]);
    if (verb === "destroy") refuseIfProtected(session, deployment, flags);
    if (verb === "destroy" && machine.droplets.length > 0) refuseThroughTunnel(session, access);
    if (verb === "up" || verb === "preview")
      await refuseSmallerDisk(session, deployment, machine.droplets, clouds);
    const checksForStrays = mayHaveStrays(deployment, runs, machine.hasDuplicates || hasTwins);
    if (verb === "preview") {
      if (machine.loss) notify(machine.loss.message);
      if (checksForStrays) await reportStrays(clouds, deployment, runs, notify);
      return deployment;
    }
    if (wasCutOff || deployment.pending.length > 0) await endLeftPlugins(session, notify);
    if (checksForStrays) await removeStrays(session, clouds, deployment, runs, notify);
    await repairState({ session, deployment, machine, access, clouds, notify });
    return deployment;
  } catch (error) {
    if (error instanceof CloudError) explain(session, error);
    throw error;
  }
}

interface RepairContext {
  session: Session;
  deployment: Deployment;
  machine: Machine;
  access: readonly SshAccess[];
  clouds: Clouds;
  notify: Notify;
}

/** Removes lost resources and unfinished operations from the state. */
async function repairState({
  session,
  deployment,
  machine,
  access,
  clouds,
  notify,
}: RepairContext): Promise<void> {
  const { pending } = deployment;
  if (!machine.loss && pending.length === 0) return;
  await assertIdle(session);
  if (machine.droplets.length > 0)
    for (const each of access)
      await removeHalfMade(deployment, clouds.prefix, dropletDocker(session, each), notify);
  await rewriteState(session, (exported) =>
    machine.loss ? without(exported, machine.loss) : withoutPending(exported),
  );
  if (machine.loss) notify(machine.loss.message);
  if (pending.length > 0) sayCleared(pending.length, notify);
}

function without(exported: unknown, { resources }: Loss): unknown {
  const lost = new Set(resources.map(identity));
  return withoutResources(exported, (resource) => lost.has(identity(resource)));
}

/**
 * `up` and `preview` run the program, which reports all missing settings at once; the others would fail
 * halfway.
 */
function refuseWithoutToken(
  session: Session,
  verb: Verb,
  { resources }: Deployment,
  { digitalOcean }: Clouds,
): void {
  if (digitalOcean || resources.length === 0 || verb === "up" || verb === "preview") return;
  fail(
    "config",
    "digitalocean:token",
    "is not set, so it is unknown whether the droplet exists",
    `${commandFor(session, "config set --secret digitalocean:token")}, or DIGITALOCEAN_TOKEN in the environment`,
  );
}

function explain(session: Session, { message, refusal }: CloudError): never {
  const fix = {
    credentials: "its permissions: docs/deploying.md#tokens",
    unreachable: "try again when it is responding",
    missing: undefined,
    busy: undefined,
    refused: "try again later",
  }[refusal];
  return fail("environment", `stack ${session.stack}`, `${message}. The update has not begun`, fix);
}
