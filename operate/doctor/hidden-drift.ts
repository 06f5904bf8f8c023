/**
 * Drift that no update detects or fixes, with either kind of plugin: the engine does not check that files it
 * wrote still exist, and the Docker provider does not read a container's networks or CPU quota.
 */
import { cpuLimit } from "../../components/host/cpu-limit.ts";
import { GATEWAY_FILE, type Names, routeFileName } from "../../config/naming/names.ts";
import type { Project } from "../../config/projects/project.ts";
import type { ContainerState } from "../docker/containers.ts";
import { isStartedByHand, startedFinding } from "./containers.ts";
import { type Finding, type FixCommands, failed } from "./finding.ts";

/** The entries of projects.yaml and what was found on the stack's host. */
export interface DriftChecks {
  containers: readonly ContainerState[];
  /** Names of the files in the host's directory of routes. */
  routeFiles: readonly string[];
  projects: readonly Pick<Project, "name" | "state" | "resources" | "services">[];
  names: Names;
  commands: FixCommands;
}

/** All hidden drift, for the nightly check. */
export function checkHiddenDrift(checks: DriftChecks): Finding[] {
  return [...checkStarted(checks), ...checkSettings(checks), ...checkRoutes(checks)];
}

function checkStarted({ containers, projects, names, commands }: DriftChecks): Finding[] {
  return projects.flatMap(({ name, state }) => {
    const container = containers.find((each) => each.name === names.project(name));
    if (!container || !isStartedByHand(state, container)) return [];
    return [startedFinding({ label: `project ${name}`, name: container.name }, commands.docker)];
  });
}

/** Networks and limits of the existing containers. */
export function checkSettings({ containers, projects, names, commands }: DriftChecks): Finding[] {
  const byName = new Map(containers.map((container) => [container.name, container]));
  const notice = byName.get(names.notice);
  return [
    ...(notice ? networkFindings("notice page", notice, [names.network], commands) : []),
    ...projects.flatMap(({ name, resources, services = [] }) => {
      const own = services.length > 0 ? [names.servicesNetwork(name)] : [];
      const networks = [names.projectNetwork(name), ...own];
      return [
        { label: `project ${name}`, container: names.project(name), networks, resources },
        ...services.map((service) => ({
          label: `${name}: service ${service.name}`,
          container: names.service(name, service.name),
          networks: own,
          resources: service.resources,
        })),
      ].flatMap(({ label, container: called, networks, resources }) => {
        const container = byName.get(called);
        if (!container) return [];
        return [
          ...networkFindings(label, container, networks, commands),
          ...limitFindings(label, container, resources, commands),
        ];
      });
    }),
  ];
}

/** Traefik reads a container's address when it starts, so joining a network needs a restart. */
function networkFindings(
  label: string,
  { name, networks, status }: ContainerState,
  wanted: readonly string[],
  { docker }: FixCommands,
): Finding[] {
  const others = networks.filter((each) => !wanted.includes(each));
  const restart = status === "running" ? ` && ${docker(`restart ${name}`)}` : "";
  return [
    ...wanted
      .filter((network) => !networks.includes(network))
      .map((network) =>
        failed(
          `${label}: not on the network ${network}`,
          `${docker(`network connect ${network} ${name}`)}${restart}`,
        ),
      ),
    ...others.map((other) =>
      failed(`${label}: also on the network ${other}`, docker(`network disconnect ${other} ${name}`)),
    ),
  ];
}

function limitFindings(
  label: string,
  { name, cpus, pids }: ContainerState,
  resources: Project["resources"],
  { docker }: FixCommands,
): Finding[] {
  const { cpuPeriod, cpuQuota } = cpuLimit(resources.cpus);
  const found: Finding[] = [];
  if (Math.round(cpus * cpuPeriod) !== cpuQuota) {
    found.push(
      failed(
        `${label}: limited to ${described(cpus)} processors, expected ${resources.cpus}`,
        docker(`update --cpu-period ${cpuPeriod} --cpu-quota ${cpuQuota} ${name}`),
      ),
    );
  }
  if (pids !== resources.pids) {
    found.push(
      failed(
        `${label}: limited to ${described(pids)} processes, expected ${resources.pids}`,
        docker(`update --pids-limit ${resources.pids} ${name}`),
      ),
    );
  }
  return found;
}

const described = (limit: number): string => (limit === 0 ? "no number of" : String(limit));

/** Without its route file a running project gets no requests; without the gateway's own file none does. */
export function checkRoutes({ projects, routeFiles, commands }: DriftChecks): Finding[] {
  const present = new Set(routeFiles);
  const files = [
    { label: "gateway", file: GATEWAY_FILE, resource: "gateway-files" },
    ...projects.map(({ name }) => ({
      label: `route of ${name}`,
      file: routeFileName(name),
      resource: `${name}-route`,
    })),
  ];
  return files
    .filter(({ file }) => !present.has(file))
    .map(({ label, resource }) =>
      failed(`${label}: file missing`, commands.pulumi(`up --replace '**${resource}'`)),
    );
}
