import { CLOUD_TOKENS } from "../../config/stack/settings.ts";
import type { Tunnel } from "../clouds/cloudflare.ts";
import type { Droplet, Volume } from "../clouds/digitalocean.ts";
import { CloudError } from "../clouds/http.ts";
import type { Clouds } from "../clouds/open.ts";
import { STATE_TYPES } from "../clouds/stray-rules.ts";
import { findDroplets, findVolume } from "../droplet/lost.ts";
import { commandFor, type Session } from "../engine/session.ts";
import { type Deployment, plainValue } from "../state/checkpoint.ts";
import { type Finding, fine, note, wrong } from "./finding.ts";

/** Whether the tokens work, and what the clouds say of the stack's droplet, volume and tunnel. */
export async function checkClouds(
  session: Session,
  clouds: Clouds,
  deployment: Deployment,
): Promise<Finding[]> {
  const found = await Promise.all([
    orRefusal(() => checkDigitalOcean(session, clouds, deployment)),
    orRefusal(() => checkCloudflare(session, clouds, deployment)),
  ]);
  return found.flat();
}

async function checkDigitalOcean(
  session: Session,
  { digitalOcean, names }: Clouds,
  deployment: Deployment,
): Promise<Finding[]> {
  if (!digitalOcean) return [noToken(session, CLOUD_TOKENS.digitalocean)];
  const id = findDroplets(deployment)[0]?.id;
  const volumeId = findVolume(deployment)?.id;
  const [droplet, volume] = await Promise.all([
    id ? digitalOcean.droplet(id) : (await digitalOcean.dropletsTagged(names.base))[0],
    volumeId ? digitalOcean.volume(volumeId) : undefined,
  ]);
  const apply = commandFor(session, "up --refresh");
  return [
    fine("DigitalOcean: takes the token"),
    ...(id ? [judgeDroplet(id, droplet, apply)] : []),
    ...(volumeId ? [judgeVolume(volumeId, volume, id, apply)] : []),
  ];
}

export function judgeDroplet(id: string, droplet: Droplet | undefined, apply: string): Finding {
  if (!droplet) return wrong(`droplet: ${id} no longer exists`, `${apply}, which makes a new one`);
  const text = `droplet: ${droplet.name} (${id}) is ${droplet.status}`;
  if (droplet.status === "active") return fine(text);
  return droplet.status === "off" ? wrong(text, `doctl compute droplet-action power-on ${id}`) : note(text);
}

export function judgeVolume(
  id: string,
  volume: Volume | undefined,
  droplet: string | undefined,
  apply: string,
): Finding {
  if (!volume) return wrong(`volume: ${id} no longer exists`, "restore it: docs/deploying.md#recovery");
  const text = `volume: ${volume.name}`;
  if (droplet && !volume.dropletIds.includes(droplet))
    return wrong(`${text} is not attached to the droplet`, apply);
  return fine(`${text} is there`);
}

async function checkCloudflare(
  session: Session,
  { cloudflare, domain }: Clouds,
  deployment: Deployment,
): Promise<Finding[]> {
  if (!cloudflare) return [noToken(session, CLOUD_TOKENS.cloudflare)];
  if (!domain) return []; // `check` has said it
  const zone = await cloudflare.zone(domain);
  if (!zone)
    return [
      wrong(`Cloudflare: shows no zone ${domain} to this token`, "its permissions: docs/deploying.md#tokens"),
    ];
  const resource = deployment.resources.find(
    ({ type, isDoomed }) => type === STATE_TYPES.tunnel && !isDoomed,
  );
  const id = resource?.id && String(plainValue(resource.id));
  const works = fine(`Cloudflare: takes the token and has the zone ${domain}`);
  if (!id) return [works];
  const apply = commandFor(session, "up --refresh");
  return [works, judgeTunnel(id, await cloudflare.tunnel(zone, id), apply)];
}

export function judgeTunnel(id: string, tunnel: Tunnel | undefined, apply: string): Finding {
  if (!tunnel) return wrong(`tunnel: ${id} no longer exists`, apply);
  const text = `tunnel: ${tunnel.name} is ${tunnel.status}, ${tunnel.connections} connections`;
  if (tunnel.status === "healthy") return fine(text);
  return tunnel.connections > 0 ? note(text) : wrong(text, "see what its connector, below, says");
}

function noToken(
  session: Session,
  { key, of, variables }: (typeof CLOUD_TOKENS)[keyof typeof CLOUD_TOKENS],
): Finding {
  const fix = `${commandFor(session, `config set --secret ${key}`)}, or ${variables[0]} in the environment`;
  return wrong(`${of}: there is no token`, fix);
}

async function orRefusal(look: () => Promise<Finding[]>): Promise<Finding[]> {
  try {
    return await look();
  } catch (error) {
    if (!(error instanceof CloudError)) throw error;
    const fix =
      error.refusal === "credentials" ? "its permissions: docs/deploying.md#tokens" : "try again later";
    return [wrong(`${error.cloud}: ${error.message.slice(error.cloud.length + 1)}`, fix)];
  }
}
