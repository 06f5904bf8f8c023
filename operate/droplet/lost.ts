import { STATE_TYPES } from "../clouds/stray-rules.ts";
import { type Deployment, plainValue, type Resource } from "../state/checkpoint.ts";

const ATTACHMENT = "digitalocean:index/volumeAttachment:VolumeAttachment";
const COMMAND = "command:local:Command";
const DOCKER_PROVIDER = "pulumi:providers:docker";

/** The droplets of a state: more than one during a replacement. */
export const findDroplets = ({ resources }: Deployment): (Resource & { id: string })[] =>
  resources.filter(
    (resource): resource is Resource & { id: string } =>
      resource.type === STATE_TYPES.droplet && resource.id !== undefined,
  );

/** The volume with the workspaces. */
export const findVolume = ({ resources }: Deployment): Resource | undefined =>
  resources.find(({ type, isDoomed }) => type === STATE_TYPES.volume && !isDoomed);

/** Whether a resource is a droplet or lives on one: everything in its Docker, and commands that ran there. */
export function livesOnDroplet({ type }: Pick<Resource, "type">): boolean {
  return (
    type === STATE_TYPES.droplet ||
    type === ATTACHMENT ||
    type === COMMAND ||
    type === DOCKER_PROVIDER ||
    type.startsWith("docker:")
  );
}

/**
 * The resources of removed droplets, including the droplets: everything of their kinds, or, if the state has
 * another droplet that still exists, only what refers to the removed ones.
 */
export function resourcesOf(deployment: Deployment, gone: ReadonlySet<string>): Resource[] {
  const all = deployment.resources.filter(livesOnDroplet);
  if (findDroplets(deployment).every(({ id }) => gone.has(id))) return all;
  const ids = [...gone];
  const providers = new Set(
    all
      .filter(({ type, inputs }) => type === DOCKER_PROVIDER && ids.some((id) => mentions(inputs.host, id)))
      .map(({ urn, id }) => `${urn}::${id}`),
  );
  return all.filter(({ urn, type, id = "", inputs, provider = "" }) => {
    if (type === STATE_TYPES.droplet) return gone.has(id);
    if (type === ATTACHMENT) return gone.has(String(plainValue(inputs.dropletId)));
    if (type === DOCKER_PROVIDER) return providers.has(`${urn}::${id}`);
    if (type === COMMAND)
      return ids.some((id) => mentions(inputs.create, id) || mentions(inputs.triggers, id));
    return providers.has(provider);
  });
}

/** Whether a value contains a droplet's id, as its SSH name does: `opencode-prod-123`. */
function mentions(value: unknown, id: string): boolean {
  const text = JSON.stringify(plainValue(value)) ?? "";
  return new RegExp(`(^|[^0-9A-Za-z])${id}([^0-9A-Za-z]|$)`).test(text);
}

/** Identifies a resource within a state: a replaced one has the same URN as its successor. */
export const identity = ({ urn, id = "", isDoomed }: Resource): string => `${urn} ${id} ${isDoomed}`;

/** Counts resources by kind: `12 containers, 3 images and 4 others`. */
export function countKinds(resources: readonly Pick<Resource, "type">[]): string {
  const kinds: Readonly<Record<string, string>> = {
    "docker:index/container:Container": "container",
    "docker:index/network:Network": "network",
    [COMMAND]: "command",
  };
  const counts = new Map<string, number>();
  for (const { type } of resources) {
    const kind = kinds[type] ?? "other";
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  const words = [...Object.values(kinds), "other"].flatMap((kind) => {
    const count = counts.get(kind);
    return count ? [`${count} ${kind}${count === 1 ? "" : "s"}`] : [];
  });
  return words.length > 1 ? `${words.slice(0, -1).join(", ")} and ${words.at(-1)}` : words.join("");
}

/** Whether a lost volume may be recreated: it is not protected, or a snapshot is set. */
export function mayRemakeVolume(volume: Resource, volumeSnapshot: string | undefined): boolean {
  const { snapshotId } = volume.inputs;
  return !volume.isProtected || (volumeSnapshot !== undefined && volumeSnapshot !== plainValue(snapshotId));
}
