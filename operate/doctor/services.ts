/** Checks projects' services: that each is there and works. */
import type { Names } from "../../config/naming/names.ts";
import type { Project } from "../../config/projects/project.ts";
import type { ContainerState } from "../docker/containers.ts";
import { serviceProblem } from "../docker/services.ts";
import type { Kept } from "../keeper/client.ts";
import { type Finding, type FixCommands, failed, note, ok } from "./finding.ts";

interface ServiceChecks {
  containers: ReadonlyMap<string, ContainerState>;
  projects: readonly Pick<Project, "name" | "state" | "services">[];
  names: Names;
  commands: Pick<FixCommands, "apply" | "docker">;
  /** What the keeper says of projects. Default: of none. */
  kept?: readonly Kept[];
}

/** Names of the containers that projects' services should have. */
export const serviceContainers = ({ projects, names }: Pick<ServiceChecks, "projects" | "names">): string[] =>
  projects.flatMap(({ name, services = [] }) => services.map((service) => names.service(name, service.name)));

/**
 * One finding per service, also of a project that sleeps, since they do not; and further ones for what it exceeds. They are paused and stopped with it for
 * its files' sake.
 */
export function checkServices({
  containers,
  projects,
  names,
  commands,
  kept = [],
}: ServiceChecks): Finding[] {
  const busy = new Set(
    kept.filter(({ state, held }) => held || state === "parked").map(({ project }) => project),
  );
  return projects.flatMap(({ name: project, state, services = [] }) =>
    services.flatMap(({ name }) => {
      const container = names.service(project, name);
      const found = containers.get(container);
      if (found && found.status !== "running" && busy.has(project))
        return ok(`${project}: service ${name} is ${found.status} while the project's files are worked on`);
      return serviceFindings({ project, name, container, state }, found, commands);
    }),
  );
}

interface Expected {
  readonly project: string;
  readonly name: string;
  readonly container: string;
  readonly state: string;
}

function serviceFindings(
  { project, name, container, state }: Expected,
  found: ContainerState | undefined,
  { apply, docker }: ServiceChecks["commands"],
): Finding[] {
  const label = `${project}: service ${name}`;
  if (!found) return [failed(`${label}: container ${container} not found`, apply)];
  if (state === "stopped")
    return found.status === "running" || found.status === "restarting"
      ? [failed(`${label} is running, expected stopped`, docker(`stop ${container}`))]
      : [ok(`${label} is ${found.status}`)];
  const log = docker(`logs --tail 50 ${container}`);
  const problem = serviceProblem(found);
  const isOff = found.status !== "running" && found.status !== "restarting";
  const verb = found.status === "paused" ? "unpause" : "start";
  const fix = isOff ? `${docker(`${verb} ${container}`)}; its log: ${log}` : `its log: ${log}`;
  const reports = [found.status, found.health].filter(Boolean).join(", ");
  const first = problem
    ? failed(`${project}: ${problem}`, fix)
    : (found.health === "starting" ? note : ok)(`${label} is ${reports}`);
  return found.oomKilled
    ? [first, failed(`${label} was killed for exceeding its memory limit`, "raise its resources.memory")]
    : [first];
}
