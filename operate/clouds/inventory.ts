import { SHARED_PURPOSES, type TokenPurpose } from "../../config/naming/cloud-names.ts";
import { PROJECT_NAME_PATTERN } from "../../config/projects/field-schemas.ts";
import { type Deployment, plainValue } from "../state/checkpoint.ts";
import type { Application, Cloudflare, IdentityProvider, Zone } from "./cloudflare.ts";
import type { DigitalOcean, Droplet, SshKey, Volume } from "./digitalocean.ts";
import type { Clouds } from "./open.ts";
import type { CloudResource } from "./stray-rules.ts";

/**
 * Lists the resources in both clouds that have exactly the stack's names, tag or comment, with parallel list
 * calls.
 */
export async function listOwnResources(clouds: Clouds, deployment: Deployment): Promise<CloudResource[]> {
  const found = await Promise.all([
    clouds.digitalOcean ? listDigitalOcean(clouds.digitalOcean, clouds, deployment) : [],
    clouds.cloudflare ? listCloudflare(clouds.cloudflare, clouds) : [],
  ]);
  return found.flat();
}

async function listDigitalOcean(
  api: DigitalOcean,
  { names, publicKey }: Clouds,
  deployment: Deployment,
): Promise<CloudResource[]> {
  const [droplets, volumes, vpcs, firewalls, keys, projects] = await Promise.all([
    api.dropletsTagged(names.base),
    api.volumesNamed(names.volume),
    api.vpcs(),
    api.firewalls(),
    api.sshKeys(),
    api.projects(),
  ]);
  const named = <T extends { name: string }>(things: readonly T[]) =>
    things.filter(({ name }) => name === names.base);
  const ownKeys = [...publicKeys(deployment), ...(publicKey ? [publicKey] : [])].map(keyBody);
  return [
    ...droplets.map(dropletResource),
    ...(await Promise.all(
      volumes
        .filter(({ name }) => name === names.volume)
        .map((volume) => volumeResource(api, volume, deployment)),
    )),
    ...named(vpcs).map((vpc) => ({ kind: "vpc" as const, ...vpc })),
    ...named(firewalls).map((firewall) => ({ kind: "firewall" as const, ...firewall })),
    ...named(keys).map((key) => sshKeyResource(key, ownKeys)),
    ...named(projects).map((project) => ({ kind: "project" as const, ...project })),
  ];
}

function dropletResource({ id, name, createdAt, volumeIds }: Droplet): CloudResource {
  return {
    kind: "droplet",
    id,
    name,
    createdAt,
    ...(volumeIds.length > 0 ? { inUse: "has a volume attached" } : {}),
  };
}

/** A volume that was ever attached to a droplet may hold work, whoever created it. */
async function volumeResource(
  api: DigitalOcean,
  { id, name, createdAt, dropletIds }: Volume,
  { resources }: Deployment,
): Promise<CloudResource> {
  const thing = { kind: "volume" as const, id, name, createdAt };
  if (dropletIds.length > 0)
    return { ...thing, inUse: `is attached to the droplet ${dropletIds.join(", ")}` };
  const isKnown = resources.some((resource) => resource.id === id);
  return !isKnown && (await api.wasEverAttached(id))
    ? { ...thing, inUse: "was attached to a droplet before and may hold work" }
    : thing;
}

/** A key whose private half is in the stack's config was created by this stack. */
function sshKeyResource({ id, name, publicKey }: SshKey, own: readonly string[]): CloudResource {
  return { kind: "ssh key", id, name, isOwn: own.includes(keyBody(publicKey)) };
}

/**
 * Lists what grants access to people and machines. Cloudflare allows duplicate names, and a provider's retry
 * can create a duplicate.
 */
export async function listAccess(
  api: Pick<Cloudflare, "policies" | "serviceTokens">,
  zone: Zone,
  names: Clouds["names"],
): Promise<CloudResource[]> {
  const [policies, tokens] = await Promise.all([api.policies(zone), api.serviceTokens(zone)]);
  return [
    ...policies
      .filter(({ name }) => isOurPolicy(name, names))
      .map((policy) => ({ kind: "Access policy" as const, ...policy })),
    ...tokens
      .filter(({ name }) => isForPurpose(name, (purpose) => names.serviceToken(purpose)))
      .map(({ expiresAt: _, ...token }) => ({ kind: "Access service token" as const, ...token })),
  ];
}

async function listCloudflare(
  api: Cloudflare,
  { names, domain, googleClientId }: Clouds,
): Promise<CloudResource[]> {
  const zone = domain ? await api.zone(domain) : undefined;
  if (!zone) return []; // the program reports a missing zone
  const [tunnels, records, applications, access, providers] = await Promise.all([
    api.tunnelsNamed(zone, names.base),
    api.recordsWithComment(zone, names.recordComment),
    api.applications(zone),
    listAccess(api, zone, names),
    api.identityProviders(zone),
  ]);
  return [
    ...tunnels
      .filter(({ name }) => name === names.base)
      .map(({ status: _, connections, ...tunnel }) => ({
        kind: "tunnel" as const,
        ...tunnel,
        ...(connections > 0 ? { inUse: "has a connector" } : {}),
      })),
    ...records.map((record) => ({ kind: "DNS record" as const, ...record })),
    ...applications
      .filter(({ name }) => isOurApplication(name, names))
      .map(({ identityProviders: _, ...application }) => ({
        kind: "Access application" as const,
        ...application,
      })),
    ...access,
    ...providers
      .filter(({ name }) => name === names.google || name === names.oneTimePin)
      .map((provider) => identityProviderResource(provider, googleClientId, applications)),
  ];
}

/**
 * An identity provider has no date, so its use shows its owner. One-time PIN providers are identified by
 * name only.
 */
function identityProviderResource(
  { id, name, type, createdAt, clientId }: IdentityProvider,
  googleClientId: string | undefined,
  applications: readonly Application[],
): CloudResource {
  const user = applications.find(({ identityProviders }) => identityProviders.includes(id));
  return {
    kind: "Access identity provider",
    id,
    name,
    ...(createdAt ? { createdAt } : {}),
    ...(user ? { inUse: `is used to log in to the application "${user.name}"` } : {}),
    isOwn: type === "onetimepin" || (clientId !== undefined && clientId === googleClientId),
  };
}

function isOurApplication(name: string, names: Clouds["names"]): boolean {
  if (name === names.panelApplication || name === names.sshApplication) return true;
  return isOfProject(name, names.application(""));
}

function isOurPolicy(name: string, names: Clouds["names"]): boolean {
  if ([names.peoplePolicy, names.panelPolicy].includes(name)) return true;
  return (
    isOfProject(name, names.membersPolicy("")) ||
    isForPurpose(name, (purpose) => names.machinesPolicy(purpose))
  );
}

/** Whether a name is the one that `nameFor` gives to a purpose. */
const isForPurpose = (name: string, nameFor: (purpose: TokenPurpose) => string): boolean =>
  SHARED_PURPOSES.some((purpose) => name === nameFor(purpose)) || isOfProject(name, nameFor("project "));

/** Whether a name is the prefix followed by a project's name. */
const isOfProject = (name: string, prefix: string): boolean =>
  name.startsWith(prefix) && PROJECT_NAME_PATTERN.test(name.slice(prefix.length));

/** Public keys in the state. */
function publicKeys({ resources }: Deployment): string[] {
  return resources.flatMap(({ outputs }) => {
    const { publicKeyOpenssh } = outputs;
    const key = plainValue(publicKeyOpenssh);
    return typeof key === "string" ? [key] : [];
  });
}

/** A public key without its comment. */
const keyBody = (key: string): string => key.trim().split(/\s+/).slice(0, 2).join(" ");
