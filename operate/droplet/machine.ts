import { fail } from "../../config/errors.ts";
import type { Droplet } from "../clouds/digitalocean.ts";
import type { Clouds } from "../clouds/open.ts";
import type { Verb } from "../engine/command-line.ts";
import { commandFor, type Session } from "../engine/session.ts";
import { type Deployment, plainValue, type Resource } from "../state/checkpoint.ts";
import {
  countKinds,
  findDroplets,
  findVolume,
  livesOnDroplet,
  mayRemakeVolume,
  resourcesOf,
} from "./lost.ts";

/** What a state has and the clouds no longer do. */
export interface Loss {
  /** To be removed from the state. */
  resources: readonly Resource[];
  /** What no longer exists and what happens next, for people. */
  message: string;
}

/** A stack's droplet and volume. */
export interface Machine {
  loss?: Loss;
  /** The droplets of the state that exist. */
  droplets: readonly Droplet[];
  /** Whether more droplets have the stack's tag than the state has. */
  hasDuplicates: boolean;
}

/** Checks at DigitalOcean whether a state's droplets and volume exist. Ends the script if that is unknown. */
export async function lookAtMachine(
  session: Session,
  verb: Verb,
  deployment: Deployment,
  { digitalOcean, names, volumeSnapshot }: Clouds,
): Promise<Machine> {
  if (!digitalOcean) return { droplets: [], hasDuplicates: false };
  const volume = findVolume(deployment);
  const [tagged, volumeThere] = await Promise.all([
    digitalOcean.dropletsTagged(names.base),
    volume?.id ? digitalOcean.volume(volume.id) : undefined,
  ]);
  const inState = findDroplets(deployment);
  // A tag can be removed by hand, so a droplet is only lost if its id is not found either.
  const found = await Promise.all(
    inState.map(({ id }) => tagged.find((droplet) => droplet.id === id) ?? digitalOcean.droplet(id)),
  );
  const droplets = found.filter((droplet) => droplet !== undefined);
  const gone = new Set(inState.filter((_, index) => !found[index]).map(({ id }) => id));
  const extra = tagged.filter(({ id }) => !inState.some((resource) => resource.id === id));
  const isVolumeGone = volume !== undefined && volumeThere === undefined;
  if (volume && isVolumeGone && !mayRemakeVolume(volume, volumeSnapshot))
    refuseLostVolume(session, verb, volume);
  const left = inState.length === 0 && extra.length === 0 ? deployment.resources.filter(livesOnDroplet) : [];
  const lost = gone.size > 0 ? resourcesOf(deployment, gone) : left;
  const resources = [...lost, ...(volume && isVolumeGone ? [volume] : [])];
  const message = tellLoss(verb, [...gone], lost, volume, isVolumeGone);
  return {
    droplets,
    hasDuplicates: extra.length > 0,
    ...(resources.length > 0 ? { loss: { resources, message } } : {}),
  };
}

/** Describes each loss in a sentence. */
export function tellLoss(
  verb: Verb,
  droplets: readonly string[],
  lost: readonly Resource[],
  volume: Resource | undefined,
  isVolumeGone: boolean,
): string {
  const would = verb === "preview" ? "would be" : "are";
  const next = {
    up: "and a new one is created",
    preview: "by an update, which would then create a new one",
    refresh: "and the next update creates a new one",
    destroy: "and nothing is left to remove",
  }[verb];
  const others = lost.filter(({ id = "" }) => !droplets.includes(id));
  const name = volume ? String(plainValue(volume.outputs.name) ?? volume.inputs.name ?? volume.id) : "";
  const machine =
    droplets.length > 0
      ? `The droplet ${droplets.join(", ")} no longer exists`
      : "The droplet no longer exists";
  const sentences = [
    ...(lost.length > 0
      ? [`${machine}: it and its resources (${countKinds(others)}) ${would} removed from the state, ${next}.`]
      : []),
    ...(volume && isVolumeGone ? [`The volume ${name} no longer exists either; it is recreated.`] : []),
    ...(volume && !isVolumeGone && lost.length > 0
      ? [`The workspaces are on the volume ${name}, which still exists.`]
      : []),
    ...(!volume && lost.length > 0
      ? ["The state has no volume: the next one starts with empty workspaces."]
      : []),
  ];
  return sentences.join(" ");
}

function refuseLostVolume(session: Session, verb: Verb, { urn, id, inputs }: Resource): never {
  const name = String(plainValue(inputs.name) ?? id);
  const unprotect = commandFor(session, `state unprotect '${urn}' --yes`);
  const snapshot = commandFor(session, "config set opencode-platform:volumeSnapshot <id>");
  const restore = [
    "to restore the workspaces, find a snapshot (doctl compute snapshot list --resource volume), then",
    `${snapshot}, then ${commandFor(session, "up --refresh")}.`,
    `To start with empty workspaces instead: ${unprotect}, then up. See docs/deploying.md#recovery`,
  ].join(" ");
  return fail(
    "cloud",
    `volume ${name}`,
    "with all workspaces no longer exists at DigitalOcean. Nothing has been changed",
    verb === "destroy" ? `to destroy what is left: ${unprotect}, then destroy again` : restore,
  );
}
