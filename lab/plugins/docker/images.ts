/** Finds images on the daemon, or pulls them from their registry. */
import type Docker from "dockerode";
import type { ImageInspectInfo } from "dockerode";
import type { Context } from "../shared/resource.ts";
import { docker, ifFound, reasonOf } from "./client.ts";

/** The image, if the daemon has it. */
export async function localImage(name: string): Promise<ImageInspectInfo | undefined> {
  return ifFound(`can't look up image "${name}"`, (await docker()).getImage(name).inspect());
}

/** The image, pulled if the daemon lacks it. */
export async function ensureImage(
  name: string,
  context: Context,
  platform?: string,
): Promise<ImageInspectInfo> {
  const present = await localImage(name);
  if (present !== undefined) return present;
  context.status(`Pulling ${name}`);
  await pull(await docker(), name, platform);
  const pulled = await localImage(name);
  if (pulled === undefined) throw new Error(`image "${name}" was pulled but not found; try again`);
  return pulled;
}

/** Adds the default tag to a name, which would otherwise mean all tags. */
function tagged(name: string): string {
  const last = name.slice(name.lastIndexOf("/") + 1);
  return last.includes(":") || last.includes("@") ? name : `${name}:latest`;
}

async function pull(daemon: Docker, name: string, platform?: string): Promise<void> {
  try {
    const stream = await daemon.pull(tagged(name), platform === undefined ? {} : { platform });
    await new Promise<void>((resolve, reject) => {
      daemon.modem.followProgress(stream, (error) => (error === null ? resolve() : reject(error)));
    });
  } catch (error) {
    throw new Error(
      `image "${name}" is not on this Docker daemon and can't be pulled (${reasonOf(error)}); ` +
        "build or load it first, or correct its name",
    );
  }
}
