import { makeNames, PLATFORM_LABEL } from "../../config/naming/names.ts";
import { docker } from "../../toolchain/lib/docker.ts";
import { ORIGIN_LABEL } from "../../toolchain/lib/image.ts";
import { listContainers } from "./containers.ts";
import { removeStages } from "./old-images.ts";

/**
 * Removes the images that were built here with this prefix, and the ones that the toolchain imported when no
 * other stack has a container on this Docker. Images in use and those in `kept` stay. What is left of building images goes too.
 * @param devcontainers images of devcontainer.json that projects.yaml names, which would have to be built anew; undefined where that is not known
 * @returns the names of the removed images
 */
export async function removeImages(
  env: NodeJS.ProcessEnv,
  prefix: string,
  kept: readonly string[],
  devcontainers?: readonly string[],
): Promise<string[]> {
  const names = await imageNames(env, `label=${PLATFORM_LABEL}=${prefix}`);
  const { image, devcontainer } = makeNames(prefix);
  names.push(...(await imageNames(env, undefined, image)));
  names.push(...(await imageNames(env, undefined, devcontainer("*"))));
  const isShared = (await listContainers(env)).length > 0;
  if (!isShared) names.push(...(await imageNames(env, `label=${ORIGIN_LABEL}`)));
  const removed: string[] = [];
  const isNeeded = (name: string) =>
    kept.includes(name) || (name.startsWith(devcontainer("")) && (devcontainers?.includes(name) ?? true));
  for (const name of new Set(names.filter((name) => !isNeeded(name)))) {
    const { code } = await docker(["image", "rm", name], env, 120_000);
    if (code === 0) removed.push(name);
  }
  await removeStages((args, ...how) => docker(args, env, ...how));
  return removed;
}

async function imageNames(env: NodeJS.ProcessEnv, filter?: string, reference?: string): Promise<string[]> {
  const filters = [filter, reference && `reference=${reference}`]
    .filter(Boolean)
    .flatMap((text) => ["--filter", String(text)]);
  const { stdout } = await docker(["image", "ls", "--format", "{{.Repository}}:{{.Tag}}", ...filters], env);
  return stdout.split("\n").filter((name) => name && !name.includes("<none>"));
}
