import { setTimeout as sleep } from "node:timers/promises";
import { fail } from "../../config/errors.ts";
import type { Notify } from "../engine/heal.ts";
import { pulumi } from "../engine/pulumi.ts";
import type { Session } from "../engine/session.ts";
import type { Deployment } from "../state/checkpoint.ts";
import { assertIdle, readState } from "../state/state.ts";
import type { Cloudflare, CloudflareKind, Zone } from "./cloudflare.ts";
import type { DigitalOceanKind } from "./digitalocean.ts";
import { CloudError } from "./http.ts";
import { listAccess, listOwnResources } from "./inventory.ts";
import type { Clouds } from "./open.ts";
import {
  type CloudKind,
  type CloudResource,
  classifyResources,
  describeResource,
  type ForeignResource,
  knows,
} from "./stray-rules.ts";
import { failedRuns, parseHistory, type Run } from "./windows.ts";

/** So many of the last runs are looked at. */
const RUNS = "30";
/** A network goes only after the last machine has left it, which takes a while. */
const REMOVAL_TIMEOUT_MS = 120_000;

/** The last runs of the engine on a stack; none where it has no history. */
export async function readRuns(session: Session): Promise<Run[]> {
  const args = ["stack", "history", "--json", "--page-size", RUNS];
  const { code, stdout } = await pulumi(args, { session });
  return code === 0 ? parseHistory(JSON.parse(stdout || "[]")) : [];
}

/**
 * Whether something may be in the clouds that the state does not know: otherwise nobody has to look. An update that succeeded is among the
 * reasons, if it made something: the providers repeat a call whose answer was lost, and then there are two.
 */
export function mayHaveStrays(deployment: Deployment, runs: readonly Run[], hasDuplicates: boolean): boolean {
  const createdSomething = (runs.find(({ kind }) => kind === "update")?.created ?? 0) > 0;
  const hasDroplet = deployment.resources.some(({ type }) => type.startsWith("digitalocean:index/droplet:"));
  return (
    createdSomething ||
    hasDuplicates ||
    deployment.pending.length > 0 ||
    !hasDroplet ||
    failedRuns(runs).length > 0
  );
}

/**
 * Whether Cloudflare has a policy or a service token of the stack's that the state does not know. Such a token is a live credential, so
 * this is asked before each run, whatever the history says: an engine that was not started here may have made it.
 */
export async function hasDuplicateAccessResources(
  {
    cloudflare,
    names,
    domain,
  }: Pick<Clouds, "names" | "domain"> & {
    cloudflare?: Pick<Cloudflare, "zone" | "policies" | "serviceTokens">;
  },
  deployment: Deployment,
): Promise<boolean> {
  const zone = domain ? await cloudflare?.zone(domain) : undefined;
  if (!cloudflare || !zone) return false;
  const isKnown = knows(deployment);
  return (await listAccess(cloudflare, zone, names)).some((thing) => !isKnown(thing));
}

/** What would be removed as left behind, said and not done. */
export async function reportStrays(
  clouds: Clouds,
  deployment: Deployment,
  runs: readonly Run[],
  say: Notify,
): Promise<void> {
  const { strays, foreign } = classifyResources(await listOwnResources(clouds, deployment), deployment, runs);
  for (const stray of strays)
    say(`An update would first remove what an earlier one has left: ${describeResource(stray)}.`);
  if (foreign.length > 0) say(`An update would stop: ${foreign.map(describeForeign).join("; ")}.`);
}

/**
 * Removes from the clouds what updates of this stack have made and the state does not know. Ends the script where something
 * bears our name that is not theirs.
 * @param before the state as it was before anything was listed
 */
export async function removeStrays(
  session: Session,
  clouds: Clouds,
  before: Deployment,
  runs: readonly Run[],
  say: Notify,
): Promise<void> {
  const things = await listOwnResources(clouds, before);
  const first = classifyResources(things, before, runs);
  if (first.strays.length + first.foreign.length === 0) return;
  // In this order, so that an update that makes things meanwhile is seen: it runs still, or the state has them.
  await assertIdle(session);
  const now = await readState(session);
  const pending = now.pending.length > 0 ? { writtenAt: before.writtenAt ?? now.writtenAt } : {};
  const { strays, foreign } = classifyResources(things, { ...now, ...pending }, runs);
  if (foreign.length > 0) failOnForeign(session, foreign);
  if (strays.length === 0) return;
  const zone = clouds.domain ? await clouds.cloudflare?.zone(clouds.domain) : undefined;
  for (const stray of strays) {
    await remove(clouds, zone, stray);
    say(`Removed what an earlier update had left behind: ${describeResource(stray)}.`);
  }
}

const describeForeign = ({ thing, why }: ForeignResource): string => `${describeResource(thing)}: ${why}`;

function failOnForeign(session: Session, foreign: readonly ForeignResource[]): never {
  const list = foreign.map((each) => `\n  ${describeForeign(each)}`).join("");
  return fail(
    "conflict",
    `stack ${session.stack}`,
    `the clouds have things of its name that are not in its state (${session.backend.label}). Nothing has been changed:${list}\n `,
    "if another state has them, use that one; otherwise take them into this state (pulumi import) or delete them by hand: docs/deploying.md#recovery",
  );
}

async function remove(clouds: Clouds, zone: Zone | undefined, { kind, id }: CloudResource): Promise<void> {
  const { digitalOcean, cloudflare } = clouds;
  const isOfCloudflare = (kind: CloudKind): kind is CloudflareKind =>
    kind === "tunnel" || kind === "DNS record" || kind.startsWith("Access ");
  const once = async () => {
    if (isOfCloudflare(kind)) {
      if (zone) await cloudflare?.remove(zone, kind, id);
    } else await digitalOcean?.remove(kind as DigitalOceanKind, id);
  };
  for (const until = performance.now() + REMOVAL_TIMEOUT_MS; ; await sleep(3000)) {
    try {
      return await once();
    } catch (error) {
      const mayPass = error instanceof CloudError && (error.refusal === "busy" || kind === "vpc");
      if (!mayPass || performance.now() > until) throw error;
    }
  }
}
