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

/** Number of runs read from the history. */
const RUNS = "30";
/** A VPC can only be removed after its last droplet has left it, which takes a while. */
const REMOVAL_TIMEOUT_MS = 120_000;

/** The last runs of the engine on a stack; empty without a history. */
export async function readRuns(session: Session): Promise<Run[]> {
  const args = ["stack", "history", "--json", "--page-size", RUNS];
  const { code, stdout } = await pulumi(args, { session });
  return code === 0 ? parseHistory(JSON.parse(stdout || "[]")) : [];
}

/**
 * Whether the clouds may have resources that are not in the state; if not, the lookup is skipped. A
 * successful
 * update that created something counts too: providers retry calls whose response was lost, which makes
 * duplicates.
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
 * Whether Cloudflare has an Access policy or service token of the stack that is not in the state. A stray
 * token
 * is a live credential, so this is checked before each run: the engine's history may be elsewhere.
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

/** Reports the strays that an update would remove, without removing them. */
export async function reportStrays(
  clouds: Clouds,
  deployment: Deployment,
  runs: readonly Run[],
  say: Notify,
): Promise<void> {
  const { strays, foreign } = classifyResources(await listOwnResources(clouds, deployment), deployment, runs);
  for (const stray of strays)
    say(`An update would first remove what a failed one left: ${describeResource(stray)}.`);
  if (foreign.length > 0) say(`An update would stop: ${foreign.map(describeForeign).join("; ")}.`);
}

/**
 * Removes this stack's strays from the clouds. Ends the script where foreign resources
 * have the stack's name.
 * @param before the state before any resource was listed
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
  // In this order, to notice a concurrent update: it is still running, or its resources are in the state.
  await assertIdle(session);
  const now = await readState(session);
  const pending = now.pending.length > 0 ? { writtenAt: before.writtenAt ?? now.writtenAt } : {};
  const { strays, foreign } = classifyResources(things, { ...now, ...pending }, runs);
  if (foreign.length > 0) failOnForeign(session, foreign);
  if (strays.length === 0) return;
  const zone = clouds.domain ? await clouds.cloudflare?.zone(clouds.domain) : undefined;
  for (const stray of strays) {
    await remove(clouds, zone, stray);
    say(`Removed what a failed update left: ${describeResource(stray)}.`);
  }
}

const describeForeign = ({ thing, why }: ForeignResource): string => `${describeResource(thing)}: ${why}`;

function failOnForeign(session: Session, foreign: readonly ForeignResource[]): never {
  const list = foreign.map((each) => `\n  ${describeForeign(each)}`).join("");
  return fail(
    "conflict",
    `stack ${session.stack}`,
    `the clouds have resources with its name that are not in its state (${session.backend.label}). Nothing has been changed:${list}\n `,
    "if they belong to another state, use that one; if not, import them (pulumi import) or delete them by hand: docs/deploying.md#recovery",
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
      const isTransient = error instanceof CloudError && (error.refusal === "busy" || kind === "vpc");
      if (!isTransient || performance.now() > until) throw error;
    }
  }
}
