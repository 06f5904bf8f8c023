import { fail } from "../../config/errors.ts";
import { settingKey } from "../../config/stack/settings.ts";
import type { DigitalOcean, Droplet, Size } from "../clouds/digitalocean.ts";
import { CloudError } from "../clouds/http.ts";
import type { Clouds } from "../clouds/open.ts";
import { commandFor, type Session } from "../engine/session.ts";
import type { Deployment } from "../state/checkpoint.ts";
import { findDroplets } from "./lost.ts";

type Wanted = Pick<Clouds, "size" | "dropletGeneration"> & { digitalOcean?: Pick<DigitalOcean, "sizes"> };

/**
 * Refuses a size with a smaller disk than the droplet's: the provider would turn the droplet off before
 * DigitalOcean
 * rejects the size. A new generation is another droplet and can have any size.
 */
export async function refuseSmallerDisk(
  session: Pick<Session, "isLocal" | "reference">,
  deployment: Deployment,
  droplets: readonly Droplet[],
  { digitalOcean, size, dropletGeneration }: Wanted,
): Promise<void> {
  const resource = findDroplets(deployment).find(
    ({ urn, isDoomed }) => !isDoomed && urn.endsWith(`::droplet-${dropletGeneration}`),
  );
  const droplet = droplets.find(({ id }) => id === resource?.id);
  if (!digitalOcean || !droplet || droplet.size === size) return;
  const wanted = (await sizesIfAllowed(digitalOcean)).find(({ slug }) => slug === size);
  if (!wanted || wanted.disk >= droplet.disk) return;
  const set = (key: string, value: string) => commandFor(session, `config set ${settingKey(key)} ${value}`);
  fail(
    "config",
    settingKey("size"),
    `${size} has a disk of ${wanted.disk} GiB, smaller than the droplet's (${droplet.disk} GiB), which can't shrink. Nothing has been changed`,
    `${set("size", droplet.size)}, or, for a new droplet of that size: ${set("dropletGeneration", "<another word>")}`,
  );
}

/** Undefined if the token is not allowed to read sizes; then the update finds out. */
async function sizesIfAllowed(api: Pick<DigitalOcean, "sizes">): Promise<Size[]> {
  try {
    return await api.sizes();
  } catch (error) {
    if (error instanceof CloudError && error.refusal === "credentials") return [];
    throw error;
  }
}
