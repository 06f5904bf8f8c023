import { CLOUD_TOKENS } from "../../config/stack/tokens.ts";
import type { Tunnel } from "../clouds/cloudflare.ts";
import type { Droplet, Volume } from "../clouds/digitalocean.ts";
import { CloudError } from "../clouds/http.ts";
import type { Clouds } from "../clouds/open.ts";
import { STATE_TYPES } from "../clouds/stray-rules.ts";
import { findDroplets, findVolume } from "../droplet/lost.ts";
import { commandFor, type Session } from "../engine/session.ts";
import { type Deployment, plainValue } from "../state/checkpoint.ts";
import { type Finding, failed, note, ok } from "./finding.ts";
import { serviceTokenFindings } from "./service-tokens.ts";

/** Checks the tokens, and the stack's droplet, volume and tunnel in the clouds. */
export async function checkClouds(
  session: Session,
  clouds: Clouds,
  deployment: Deployment,
): Promise<Finding[]> {
  const found = await Promise.all([
    findingOnError(() => checkDigitalOcean(session, clouds, deployment)),
    findingOnError(() => checkCloudflare(session, clouds, deployment)),
  ]);
  return found.flat();
}

async function checkDigitalOcean(
  session: Session,
  { digitalOcean, names }: Clouds,
  deployment: Deployment,
): Promise<Finding[]> {
  if (!digitalOcean) return [missingTokenFinding(session, CLOUD_TOKENS.digitalocean)];
  const id = findDroplets(deployment)[0]?.id;
  const volumeId = findVolume(deployment)?.id;
  const [droplet, volume] = await Promise.all([
    id ? digitalOcean.droplet(id) : (await digitalOcean.dropletsTagged(names.base))[0],
    volumeId ? digitalOcean.volume(volumeId) : undefined,
  ]);
  const apply = commandFor(session, "up --refresh");
  return [
    ok("DigitalOcean: token accepted"),
    ...(id ? [dropletFinding(id, droplet, apply)] : []),
    ...(volumeId ? [volumeFinding(volumeId, volume, id, apply)] : []),
  ];
}

export function dropletFinding(id: string, droplet: Droplet | undefined, apply: string): Finding {
  if (!droplet) return failed(`droplet: ${id} no longer exists`, `${apply} to create a new one`);
  const text = `droplet: ${droplet.name} (${id}) is ${droplet.status}`;
  if (droplet.status === "active") return ok(text);
  return droplet.status === "off" ? failed(text, `doctl compute droplet-action power-on ${id}`) : note(text);
}

export function volumeFinding(
  id: string,
  volume: Volume | undefined,
  droplet: string | undefined,
  apply: string,
): Finding {
  if (!volume) return failed(`volume: ${id} no longer exists`, "restore it: docs/deploying.md#recovery");
  const text = `volume: ${volume.name}`;
  if (droplet && !volume.dropletIds.includes(droplet))
    return failed(`${text} is not attached to the droplet`, apply);
  return ok(`${text} is there`);
}

async function checkCloudflare(
  session: Session,
  { cloudflare, domain }: Clouds,
  deployment: Deployment,
): Promise<Finding[]> {
  if (!cloudflare) return [missingTokenFinding(session, CLOUD_TOKENS.cloudflare)];
  if (!domain) return []; // Reported by the check of the files.
  const zone = await cloudflare.zone(domain);
  if (!zone)
    return [
      failed(
        `Cloudflare: zone ${domain} not found, or the token can't read it`,
        "its permissions: docs/deploying.md#tokens",
      ),
    ];
  const resource = deployment.resources.find(
    ({ type, isDoomed }) => type === STATE_TYPES.tunnel && !isDoomed,
  );
  const id = resource?.id && String(plainValue(resource.id));
  const works = ok(`Cloudflare: token accepted, zone ${domain} found`);
  if (!id) return [works];
  const apply = commandFor(session, "up --refresh");
  const [tunnel, tokens] = await Promise.all([cloudflare.tunnel(zone, id), cloudflare.serviceTokens(zone)]);
  const commands = { apply, pulumi: (args: string) => commandFor(session, args) };
  return [
    works,
    tunnelFinding(id, tunnel, apply),
    ...serviceTokenFindings(tokens, deployment, commands, new Date()),
  ];
}

export function tunnelFinding(id: string, tunnel: Tunnel | undefined, apply: string): Finding {
  if (!tunnel) return failed(`tunnel: ${id} no longer exists`, apply);
  const text = `tunnel: ${tunnel.name} is ${tunnel.status}, ${tunnel.connections} connections`;
  if (tunnel.status === "healthy") return ok(text);
  return tunnel.connections > 0 ? note(text) : failed(text, "see its connector below");
}

function missingTokenFinding(
  session: Session,
  { key, of, variables }: (typeof CLOUD_TOKENS)[keyof typeof CLOUD_TOKENS],
): Finding {
  const fix = `${commandFor(session, `config set --secret ${key}`)}, or ${variables[0]} in the environment`;
  return failed(`${of}: no token`, fix);
}

async function findingOnError(look: () => Promise<Finding[]>): Promise<Finding[]> {
  try {
    return await look();
  } catch (error) {
    if (!(error instanceof CloudError)) throw error;
    const fix =
      error.refusal === "credentials" ? "its permissions: docs/deploying.md#tokens" : "try again later";
    return [failed(`${error.cloud}: ${error.message.slice(error.cloud.length + 1)}`, fix)];
  }
}
