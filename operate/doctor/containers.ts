import type { Names } from "../../config/naming/names.ts";
import type { Project } from "../../config/projects/project.ts";
import { diskLine, isAsking, setupOf, withoutSetup } from "../docker/container-state.ts";
import type { ContainerState } from "../docker/containers.ts";
import { UNGUARDED } from "../docker/guard.ts";
import { SETUP_LOG } from "../docker/setup.ts";
import { isSleeping, type Kept } from "../keeper/client.ts";
import { keptWords } from "../keeper/words.ts";
import { type Finding, type FixCommands, failed, note, ok } from "./finding.ts";
import { checkServices, serviceContainers } from "./services.ts";

/** Restarts that are worth a finding. */
const MANY_RESTARTS = 3;

export interface ContainerChecks {
  containers: readonly ContainerState[];
  projects: readonly Pick<Project, "name" | "state" | "services">[];
  names: Names;
  /** Whether the tunnel's connector should run. Default: no. */
  hasConnector?: boolean;
  /** Whether the panel should run as a container. Default: no. */
  hasPanel?: boolean;
  commands: FixCommands;
  /** By container, the last lines of a setup that has failed. Default: none are known. */
  setupOutputs?: ReadonlyMap<string, readonly string[]>;
  /** What the keeper says of projects; undefined if it does not answer. Default: of none. */
  kept?: readonly Kept[] | undefined;
}

/** Checks the platform's own containers and one per project. */
export function checkContainers(checks: ContainerChecks): Finding[] {
  const { containers, projects, names, hasConnector = false, hasPanel = false, commands } = checks;
  const { setupOutputs = new Map(), kept = [] } = checks;
  const byName = new Map(containers.map((container) => [container.name, container]));
  const expected = [
    { label: "traefik", name: names.traefik, state: "running" },
    { label: "notice page", name: names.notice, state: "running" },
    { label: "keeper", name: names.keeper, state: "running" },
    { label: "storage", name: names.storage, state: "running" },
    ...(hasConnector ? [{ label: "connector", name: names.connector, state: "running" }] : []),
    ...(hasPanel ? [{ label: "panel", name: names.panel, state: "running" }] : []),
    ...projects.map(({ name, state }) => ({
      label: `project ${name}`,
      name: names.project(name),
      state,
      kept: kept.find(({ project }) => project === name),
    })),
  ];
  const found = [
    ...guardFindings(byName.get(names.guard), { names, isNeeded: hasConnector, commands }),
    ...expected.flatMap((each) => containerFindings(each, byName.get(each.name), commands)),
    ...projects.flatMap(({ name }) =>
      setupFindings(name, byName.get(names.project(name)), commands, setupOutputs),
    ),
    ...checkServices({ containers: byName, projects, names, commands, kept }),
  ];
  const known = new Set([
    names.guard,
    ...expected.map(({ name }) => name),
    ...serviceContainers({ projects, names }),
  ]);
  const extra = containers.filter(({ name }) => !known.has(name)).map(({ name }) => name);
  if (extra.length > 0)
    found.push(failed(`running but not in projects.yaml: ${extra.join(", ")}`, commands.apply));
  return found;
}

/** On this machine there may be nobody who can write packet rules (Docker Desktop, a Docker without root): that is worth knowing, and no fault. */
function guardFindings(
  guard: ContainerState | undefined,
  { names, isNeeded, commands }: Pick<ContainerChecks, "names" | "commands"> & { isNeeded: boolean },
): Finding[] {
  const expected = { label: "guard", name: names.guard, state: "running" };
  if (guard?.status !== "running" || guard.health !== "unhealthy" || isNeeded)
    return containerFindings(expected, guard, commands);
  const why = guard.healthLine.replace(/^failed: /, "");
  return [note(`guard: ${why}: ${UNGUARDED}`, "docs/security.md says what to do about it")];
}

/** A failed setup is no fault of the platform's, and opencode serves without it. */
function setupFindings(
  project: string,
  container: ContainerState | undefined,
  { docker, setup: again }: FixCommands,
  outputs: ReadonlyMap<string, readonly string[]>,
): Finding[] {
  const setup = container && setupOf(container);
  if (!container || !setup) return [];
  if (setup.isRunning) return [note(`setup of ${project}: running${setup.line && `: ${setup.line}`}`)];
  const text = `setup of ${project}: ${setup.line.replace(/^setup /, "")}`;
  const output = outputs.get(container.name) ?? [];
  if (output.length > 0) return [{ ...note(text, again(project)), output }];
  const command = docker(`exec ${container.name} tail -n 20 ${SETUP_LOG}`);
  return [note(text, `${again(project)}; its output: ${command}`)];
}

interface Expected {
  readonly label: string;
  readonly name: string;
  readonly state: string;
  readonly kept?: Kept | undefined;
}

function containerFindings(
  { label, name, state, kept }: Expected,
  container: ContainerState | undefined,
  { apply, docker }: FixCommands,
): Finding[] {
  if (!container) return [failed(`${label}: container ${name} not found`, apply)];
  const line = withoutSetup(container.healthLine);
  const reports = [container.status, container.health, line].filter(Boolean).join(", ");
  const text = `${label}: ${reports}`;
  const log = docker(`logs --tail 50 ${name}`);
  const found: Finding[] = [];
  if (isStartedByHand(state, container)) found.push(startedFinding({ label, name }, docker));
  else if (kept?.state === "parked") found.push(sleeping(label, kept));
  else if (container.status === "paused" && kept && isSleeping(kept)) found.push(sleeping(label, kept));
  else if (container.status === "paused" && kept?.held)
    found.push(ok(`${label}: paused while its files are copied`));
  else if (container.status === "paused" && state === "running")
    found.push(failed(`${text}, expected running`, `${docker(`unpause ${name}`)}; its log: ${log}`));
  else if (container.status === "running" && kept?.state === "waiting") found.push(sleeping(label, kept));
  else if ((container.status === "running") !== (state === "running"))
    found.push(failed(`${text}, expected ${state}`, `${apply}; its log: ${log}`));
  // The last health status of a project that should be stopped is irrelevant.
  else if (state === "stopped") found.push(ok(`${label}: ${container.status}`));
  else if (container.health === "unhealthy")
    found.push(failed(text, `${docker(`restart ${name}`)}; its log: ${log}`));
  else if (/fail/i.test(line)) found.push(failed(text, `see its log: ${log}`));
  else if (container.health === "starting" || isAsking(container)) found.push(note(text));
  else found.push(ok(text));
  const disk = diskLine(container);
  if (disk)
    found.push(
      (/^disk almost/.test(disk) ? failed : note)(
        `${label}: ${disk}`,
        "remove files from its workspace or home, or raise its resources.disk",
      ),
    );
  if (container.oomKilled)
    found.push(failed(`${label}: killed for exceeding its memory limit`, "raise its resources.memory"));
  if (container.restarts >= MANY_RESTARTS)
    found.push(failed(`${label}: restarted ${container.restarts} times`, log));
  return found;
}

/** Of a project that sleeps, waits for its turn or is stopped for its files' sake, which is as it should be. */
const sleeping = (label: string, kept: Kept): Finding => ok(`${label}: ${keptWords(kept)}`);

/** Whether a project runs that its entry stops. An update starts what must run and never stops anything. */
export const isStartedByHand = (state: string, { status }: Pick<ContainerState, "status">): boolean =>
  state === "stopped" && ["running", "restarting", "paused"].includes(status);

export const startedFinding = (
  { label, name }: Pick<Expected, "label" | "name">,
  docker: FixCommands["docker"],
): Finding => failed(`${label}: running, expected stopped`, docker(`stop ${name}`));
