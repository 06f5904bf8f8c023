import type { Names } from "../../config/naming/names.ts";
import type { Project } from "../../config/projects/project.ts";
import type { ContainerState } from "../docker/containers.ts";
import { type Finding, fine, note, wrong } from "./finding.ts";

/** So many restarts are no longer an accident. */
const MANY_RESTARTS = 3;

/** What mends a machine's containers. */
export interface Remedies {
  /** The command that makes everything be as it should. */
  apply: string;
  /** A command line of the Docker client, for that machine. */
  docker(args: string): string;
}

const LOCAL: Remedies = { apply: "npm start", docker: (args) => `docker ${args}` };

/** The platform's own containers, and one for each project. */
export function checkContainers(
  containers: readonly ContainerState[],
  projects: readonly Pick<Project, "name" | "state">[],
  names: Names,
  { hasConnector = false, remedies = LOCAL }: { hasConnector?: boolean; remedies?: Remedies } = {},
): Finding[] {
  const byName = new Map(containers.map((container) => [container.name, container]));
  const wanted = [
    { label: "traefik", container: names.traefik, state: "running" },
    { label: "notice page", container: names.notice, state: "running" },
    ...(hasConnector ? [{ label: "connector", container: names.connector, state: "running" }] : []),
    ...projects.map(({ name, state }) => ({
      label: `project ${name}`,
      container: names.project(name),
      state,
    })),
  ];
  const found = wanted.flatMap(({ label, container, state }) =>
    judge({ label, name: container, state }, byName.get(container), remedies),
  );
  const known = new Set(wanted.map(({ container }) => container));
  const extra = containers.filter(({ name }) => !known.has(name)).map(({ name }) => name);
  if (extra.length > 0)
    found.push(wrong(`not in projects.yaml, but there: ${extra.join(", ")}`, remedies.apply));
  return found;
}

function judge(
  { label, name, state }: { label: string; name: string; state: string },
  container: ContainerState | undefined,
  { apply, docker }: Remedies,
): Finding[] {
  if (!container) return [wrong(`${label}: there is no container ${name}`, apply)];
  const says = [container.status, container.health, container.healthLine].filter(Boolean).join(", ");
  const text = `${label}: ${says}`;
  const isRunning = container.status === "running";
  const log = docker(`logs --tail 50 ${name}`);
  const found: Finding[] = [];
  if (isRunning !== (state === "running"))
    found.push(wrong(`${text}, but is to be ${state}`, `${apply}; its log: ${log}`));
  else if (container.health === "unhealthy")
    found.push(wrong(text, `${docker(`restart ${name}`)}; its log: ${log}`));
  else if (/fail/i.test(container.healthLine)) found.push(wrong(text, `see what it says; its log: ${log}`));
  else if (container.health === "starting") found.push(note(text));
  else found.push(fine(text));
  if (container.oomKilled) {
    found.push(
      wrong(`${label}: was ended because it wanted more memory than its limit`, "raise its resources.memory"),
    );
  }
  if (container.restarts >= MANY_RESTARTS) {
    found.push(wrong(`${label}: has been restarted ${container.restarts} times`, log));
  }
  return found;
}
