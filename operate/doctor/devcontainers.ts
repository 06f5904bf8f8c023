/** What projects are built on by their repository's devcontainer.json, and whether its image is on the host. */
import type { Names } from "../../config/naming/names.ts";
import type { Project } from "../../config/projects/project.ts";
import { buildCommand, isOnHost } from "../devcontainer/images.ts";
import type { RunDocker } from "../docker/containers.ts";
import { type Finding, failed, note, ok } from "./finding.ts";

/** A line for each project with a devcontainer.json. */
export async function checkDevcontainers(
  run: RunDocker,
  names: Pick<Names, "devcontainer">,
  projects: readonly Project[],
  stack: string,
): Promise<Finding[]> {
  const findings = projects.map(async ({ name, devcontainer, environment }): Promise<Finding[]> => {
    const lock = devcontainer?.lock;
    if (!lock) return [];
    const text = `devcontainer of ${name}: ${lock.file} of commit ${lock.commit.slice(0, 12)}`;
    if (!environment?.built) return [ok(`${text}, on ${lock.image}`)];
    const isThere = await isOnHost(run, names.devcontainer(environment.built));
    if (isThere === undefined) return [note(`${text}; Docker does not say whether its image is on the host`)];
    if (!isThere) return [failed(`${text}; its image is not on the host`, buildCommand(name, stack))];
    return [ok(`${text}, its image is on the host`)];
  });
  return (await Promise.all(findings)).flat();
}
