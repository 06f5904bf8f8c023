/** The list of projects that a person can see, once or as a stream of changes. */
import { previewName } from "../../../config/projects/ports.ts";
import type { Project } from "../../../config/projects/project.ts";
import { terminalCommand } from "../../../opencode/api/index.ts";
import {
  type ContainerInfo,
  type Decided,
  decideState,
  listeningPorts,
  upgradeLine,
} from "../../../operate/docker/container-state.ts";
import { servicesNote } from "../../../operate/docker/services.ts";
import { packageRoot } from "../../../operate/engine/checkout.ts";
import { backedUpOf } from "../../../operate/storage/excluded.ts";
import { personNow } from "../access/authority.ts";
import { canCreate, canDo, type Role, roleOf } from "../access/permissions.ts";
import type { PanelServices } from "../parts.ts";
import type { Operation, Person } from "../platform/types.ts";
import type { Catalog, ProjectEntry, Snapshot } from "./catalog.ts";
import { HttpProblem } from "./problem.ts";
import type { Overview, ProjectView } from "./schema.ts";
import type { ServerEvent } from "./sse.ts";

/** Milliseconds between two checks for changes without events, such as the file's. */
const TICK_MS = 1000;
/** From here on, ports are those that the kernel gives to programs that ask for any (ip_local_port_range). */
const EPHEMERAL = 32_768;
/** Ports that are offered to be added. */
const MOST_OFFERED = 8;
/** Milliseconds in which changes are collected into one event. */
const PAUSE_MS = 150;
/** Milliseconds that a list waits for the keeper: without it, one that sleeps looks as if somebody had paused it. */
const KEEPER_TIMEOUT_MS = 1000;

type OverviewParts = Pick<
  PanelServices,
  | "stack"
  | "authority"
  | "urls"
  | "operations"
  | "containers"
  | "usage"
  | "disk"
  | "sleep"
  | "activity"
  | "deployKeys"
  | "backups"
  | "canSetSecrets"
>;

/** The list for a person, with the rights that they have now. */
export function overviewOf(
  parts: OverviewParts,
  { projectEntries: listed, version }: Snapshot,
  signedIn: Person,
): Overview {
  const authority = parts.authority();
  const person = personNow(signedIn, authority);
  const underWay = new Map<string, string>();
  for (const { id, project, state } of parts.operations.list())
    if (project && (state === "queued" || state === "running")) underWay.set(project, id);
  const projects = listed.flatMap((item) => {
    const role = roleOf(person, item.project, authority);
    return role ? [projectOf(parts, item, role, underWay.get(item.project.name))] : [];
  });
  const { email, admin, kind } = person;
  const me = {
    email,
    admin,
    kind,
    create: canCreate(person, authority),
    secrets: parts.canSetSecrets ?? true,
  };
  return { projects, version, me, stack: parts.stack };
}

function projectOf(
  parts: OverviewParts,
  { project, entry }: ProjectEntry,
  role: Role,
  operation: Operation["id"] | undefined,
): ProjectView {
  const { name, repo, repos, members, owners } = project;
  const container = parts.containers.ofProject(name);
  const listening = container ? listeningPorts(container) : [];
  const optional = {
    repo: repo?.url ?? repos?.map(({ url }) => url).join(", "),
    branch: repo?.branch,
    upgrade: container && upgradeLine(container),
    disk: parts.disk?.of(name),
    lastActivity: parts.activity.of(name),
    backup: canDo(role, "change") ? parts.backups?.of(backedUpOf(project)) : undefined,
    deployKey: project.git.auth === "ssh" ? parts.deployKeys.of(name) : undefined,
    operation,
  };
  return {
    name,
    ...withServices(
      stateOf(parts, container, project),
      // Paused with it for moments.
      parts.sleep.of(name)?.held ? [] : parts.containers.servicesOf(name),
    ),
    url: parts.urls.browser(name),
    attach: terminalCommand(parts.urls.terminal(name), project.opencode.version, packageRoot),
    hasSetup: project.setup !== undefined,
    ports: project.ports.map(({ port, label }) => ({
      port,
      label,
      url: parts.urls.browser(previewName(name, { label })),
      listening: listening.includes(port),
    })),
    listening: listening
      .filter((port) => port < EPHEMERAL && !project.ports.some((declared) => declared.port === port))
      .slice(0, MOST_OFFERED),
    release: project.opencode.version,
    members: [...members],
    owners: [...owners],
    role,
    entry,
    ...parts.usage.of(name),
    ...Object.fromEntries(Object.entries(optional).filter(([, value]) => value !== undefined)),
  };
}

function stateOf(
  { sleep }: OverviewParts,
  container: ContainerInfo | undefined,
  { name, state: wanted }: Pick<Project, "name" | "state">,
): Decided {
  const decided = decideState(container, wanted, sleep.of(name));
  const isUnknown = container?.isPaused && decided.state === "stopped" && sleep.problem !== undefined;
  return isUnknown ? { ...decided, reason: `paused; ${sleep.problem}` } : decided;
}

/** States in which what a project's services say does not count: they end and begin with it. They never sleep. */
const WITHOUT_SERVICES: readonly string[] = ["stopped", "pending", "parked"] satisfies Decided["state"][];

/** A running project's state, with what is wrong with its services as its reason. */
function withServices(decided: Decided, services: readonly ContainerInfo[]): Decided {
  const note = WITHOUT_SERVICES.includes(decided.state) ? "" : servicesNote(services);
  return note ? { ...decided, reason: [decided.reason, note].filter(Boolean).join("; ") } : decided;
}

/** Yields the list now, and again each time it changes. */
export async function* overviewEvents(
  parts: OverviewParts,
  catalog: Catalog,
  person: Person,
  signal: AbortSignal,
): AsyncIterable<ServerEvent> {
  const released = [parts.usage.listen(), parts.sleep.listen()];
  let sent = "";
  try {
    await parts.sleep.settled(KEEPER_TIMEOUT_MS);
    while (!signal.aborted) {
      await parts.sleep.caughtUp(KEEPER_TIMEOUT_MS);
      const overview = refreshOverview(parts, catalog, person);
      const text = JSON.stringify(overview);
      if (overview && text !== sent) {
        sent = text;
        yield { event: "projects", data: overview };
      }
      await nextChange(parts, signal);
    }
  } finally {
    for (const release of released) release();
  }
}

/** The list; undefined if the file can't be read now, which must not end the stream. */
function refreshOverview(parts: OverviewParts, catalog: Catalog, person: Person): Overview | undefined {
  try {
    return overviewOf(parts, catalog.readCached(), person);
  } catch (error) {
    if (error instanceof HttpProblem) return undefined;
    throw error;
  }
}

function nextChange({ containers }: OverviewParts, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    let timer: NodeJS.Timeout;
    const done = () => {
      clearTimeout(timer);
      off();
      signal.removeEventListener("abort", done);
      resolve();
    };
    let isChanged = false;
    const off = containers.onChange(() => {
      if (isChanged) return;
      isChanged = true;
      clearTimeout(timer);
      timer = setTimeout(done, PAUSE_MS);
    });
    timer = setTimeout(done, TICK_MS);
    signal.addEventListener("abort", done);
    if (signal.aborted) done();
  });
}
