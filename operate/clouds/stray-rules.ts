import type { Deployment } from "../state/checkpoint.ts";
import type { CloudflareKind } from "./cloudflare.ts";
import type { DigitalOceanKind } from "./digitalocean.ts";
import { type Run, suspectWindows, type Window, windowOf } from "./windows.ts";

export type CloudKind = DigitalOceanKind | CloudflareKind;

/** A cloud resource with exactly this stack's name, tag or comment. */
export interface CloudResource {
  kind: CloudKind;
  id: string;
  name: string;
  /** Absent for kinds without a date. */
  createdAt?: string;
  /** Why it must be kept, whatever its date: `has a volume attached`. */
  inUse?: string;
  /** For kinds without a date: whether something unique to this stack shows that it created it. */
  isOwn?: boolean;
}

/** A resource that is not in the state and must not be removed. */
export interface ForeignResource {
  thing: CloudResource;
  why: string;
}

/** Each kind's type in the state, in the order of removal. */
export const STATE_TYPES: Readonly<Record<CloudKind, string>> = {
  "DNS record": "cloudflare:index/dnsRecord:DnsRecord",
  "Access application": "cloudflare:index/zeroTrustAccessApplication:ZeroTrustAccessApplication",
  "Access policy": "cloudflare:index/zeroTrustAccessPolicy:ZeroTrustAccessPolicy",
  "Access service token": "cloudflare:index/zeroTrustAccessServiceToken:ZeroTrustAccessServiceToken",
  "Access identity provider":
    "cloudflare:index/zeroTrustAccessIdentityProvider:ZeroTrustAccessIdentityProvider",
  tunnel: "cloudflare:index/zeroTrustTunnelCloudflared:ZeroTrustTunnelCloudflared",
  droplet: "digitalocean:index/droplet:Droplet",
  firewall: "digitalocean:index/firewall:Firewall",
  volume: "digitalocean:index/volume:Volume",
  "ssh key": "digitalocean:index/sshKey:SshKey",
  project: "digitalocean:index/project:Project",
  vpc: "digitalocean:index/vpc:Vpc",
};

const ORDER = Object.keys(STATE_TYPES);

/**
 * Sorts resources with the stack's name into those in the state, strays, and foreign ones. A stray was
 * created during a failed update of this stack, or as a duplicate by a provider's retry; it may be removed.
 * Foreign resources could belong to another state.
 */
export function classifyResources(
  things: readonly CloudResource[],
  deployment: Deployment,
  runs: readonly Run[],
): { strays: CloudResource[]; foreign: ForeignResource[] } {
  const windows = suspectWindows(runs, deployment);
  const isKnown = knows(deployment);
  const hasVolume = deployment.resources.some(({ type }) => type === STATE_TYPES.volume);
  const strays: CloudResource[] = [];
  const foreign: ForeignResource[] = [];
  for (const thing of things.filter((thing) => !isKnown(thing))) {
    const twins = things
      .filter(({ kind, name }) => kind === thing.kind && name === thing.name)
      .filter(isKnown);
    const isStray = wasCreatedIn(windows, thing) || twins.some((twin) => areTwins(thing, twin, runs));
    const why = isStray ? reasonToKeep(thing, hasVolume) : "no failed update of this stack created it";
    if (why) foreign.push({ thing, why });
    else strays.push(thing);
  }
  return { strays: strays.sort((a, b) => ORDER.indexOf(a.kind) - ORDER.indexOf(b.kind)), foreign };
}

/** Makes a function that looks a resource up in the state, by its kind and id. */
export function knows({ resources }: Deployment): (thing: CloudResource) => boolean {
  const known = new Set(resources.map(({ type, id }) => `${type} ${id}`));
  return ({ kind, id }) => known.has(`${STATE_TYPES[kind]} ${id}`);
}

/** Why a resource is kept although a failed update created it. */
function reasonToKeep({ kind, inUse }: CloudResource, hasVolume: boolean): string | undefined {
  if (inUse) return `it ${inUse}`;
  return kind === "volume" && hasVolume ? "the state has another volume" : undefined;
}

function wasCreatedIn(windows: readonly Window[], thing: CloudResource): boolean {
  const at = Date.parse(thing.createdAt ?? "");
  if (Number.isNaN(at)) return thing.isOwn === true && windows.some((window) => matchesWindow(window, thing));
  return windows.some((window) => at >= window.from && at <= window.to && matchesWindow(window, thing));
}

function matchesWindow({ only }: Window, { kind, name }: CloudResource): boolean {
  if (!only) return true;
  return only.some(
    (creation) =>
      creation.type === STATE_TYPES[kind] && (creation.name === undefined || creation.name === name),
  );
}

function areTwins(thing: CloudResource, twin: CloudResource, runs: readonly Run[]): boolean {
  const times = [thing, twin].map(({ createdAt }) => Date.parse(createdAt ?? ""));
  return runs
    .filter(({ kind }) => kind === "update")
    .map(windowOf)
    .some(({ from, to }) => times.every((at) => at >= from && at <= to));
}

/** `droplet 123 "opencode-prod", created 2026-01-31 12:00:05`. */
export function describeResource({ kind, id, name, createdAt }: CloudResource): string {
  const made = createdAt ? `, created ${createdAt.slice(0, 19).replace("T", " ")}` : "";
  return `${kind} ${id} "${name}"${made}`;
}
