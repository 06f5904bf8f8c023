/** Decides a project's state from its container and that container's health line. Pure. */

import { plainText } from "../../config/text/plain.ts";
import type { Kept } from "../keeper/client.ts";
import { type ContainerState, parseContainers } from "./containers.ts";
import type { Inspection } from "./engine.ts";
import type { ProjectState } from "./types.ts";

/** A container of the stack. */
export interface ContainerInfo extends ContainerState {
  readonly id: string;
  /** ISO 8601; empty if it never ran. */
  readonly startedAt: string;
  readonly createdAt: string;
  readonly isPaused: boolean;
  /** Docker's error when it failed to start. */
  readonly startError: string;
  /** The last line of a failed container's log. */
  readonly lastLine?: string;
}

/** Reads one container from `docker inspect`. */
export function readContainer(inspection: Inspection): ContainerInfo | undefined {
  const [container] = parseContainers(JSON.stringify([inspection]));
  if (!container) return undefined;
  const { StartedAt = "", Error: startError = "", Paused = false } = inspection.State ?? {};
  return {
    ...container,
    id: inspection.Id,
    createdAt: inspection.Created ?? "",
    startedAt: StartedAt.startsWith("0001") ? "" : StartedAt,
    isPaused: Paused,
    // It quotes names that the image and the entry have.
    startError: plainText(startError),
  };
}

/** A state with its reason. */
export interface Decided {
  readonly state: ProjectState;
  readonly reason?: string;
  /** Since when, of a state that the keeper knows. ISO 8601. */
  readonly since?: string;
}

/**
 * Exit codes of a container that was stopped: normal exit, SIGINT, SIGKILL after the grace period, SIGTERM.
 */
const STOP_CODES = new Set([0, 130, 137, 143]);
/** Restarts without becoming healthy that count as a loop. */
export const LOOP = 3;

/**
 * Decides the state of a project.
 * @param wanted its state in projects.yaml
 * @param kept what the keeper says of it: of a paused container it alone knows whether that sleeps, or an admin has paused it
 */
export function decideState(
  container: ContainerInfo | undefined,
  wanted: "running" | "stopped" = "running",
  kept?: Kept,
): Decided {
  if (!container) return { state: "pending" };
  const { status } = container;
  const decided = kept && decideKept(container, kept);
  if (decided) return decided;
  if (container.isPaused) return { state: "stopped", reason: "paused" };
  if (status === "running") return decideRunning(container);
  if (status === "restarting") return { state: "failed", reason: restarts(container) };
  if (status === "dead") return { state: "failed", reason: "Docker could not remove it" };
  if (status === "removing") return { state: "stopped", reason: "being removed" };
  if (container.startError) return { state: "failed", reason: firstLine(container.startError) };
  if (status === "created") return { state: wanted === "running" ? "starting" : "stopped" };
  return decideExited(container, wanted);
}

/** States of the keeper's that a container has while it is paused, and while it is not. */
const KEPT_PAUSED = ["asleep", "falling-asleep", "waking"] as const;
const KEPT_RUNNING = ["falling-asleep", "waking", "waiting"] as const;

/** Undefined where Docker knows better: the keeper's words are a moment old. */
function decideKept(
  container: ContainerInfo,
  { state: kept, since, reason, held }: Kept,
): Decided | undefined {
  const said = reason ? { reason } : {};
  if (kept === "parked") return { state: "parked", since, ...said };
  if (held && kept === "awake" && container.isPaused) return { state: "running", ...said };
  if (!container.isPaused && container.status !== "running") return undefined;
  const state = (container.isPaused ? KEPT_PAUSED : KEPT_RUNNING).find((each) => each === kept);
  if (!state) return undefined;
  // What it had to say when it fell asleep still holds.
  const why = reason ?? (state === "asleep" ? decideRunning(asAwake(container)).reason : undefined);
  return { state, since, ...(why ? { reason: why } : {}) };
}

/** A paused container keeps the last line of its health check. */
const asAwake = (container: ContainerInfo): ContainerInfo => ({ ...container, status: "running" });

function decideRunning(container: ContainerInfo): Decided {
  const { health, healthLine } = container;
  const workspace = /(?:^|; )workspace: (.*)$/.exec(healthLine)?.[1] ?? "";
  const [, attempt, why = "", next = ""] =
    /^clone failed \(attempt (\d+)\): (.*?)(; next try in \d+ s)?$/.exec(workspace) ?? [];
  if (attempt) return { state: "failed", reason: `git clone: ${why || "no reason given"}${next}` };
  if (/^cannot be written/.test(workspace)) return { state: "failed", reason: `the workspace ${workspace}` };
  if (/^cloning /.test(workspace)) return { state: "cloning" };
  const several = severalOf(workspace);
  if (several?.underWay) return { state: "cloning" };
  if (several && several.cloned === 0) return { state: "failed", reason: `git clone: ${several.rest}` };
  if (isAsking(container)) return { state: "running", reason: "asks whether its repository is trusted" };
  if (waitsForItsTurn(container)) return { state: "starting", reason: WAITS };
  if (health === "unhealthy") return { state: "unhealthy", reason: healthLine || "not responding" };
  if (health !== "starting") return decideServing(container, workspace);
  if (container.restarts >= LOOP) return { state: "failed", reason: restarts(container) };
  return { state: "starting" };
}

function decideServing(container: ContainerInfo, workspace: string): Decided {
  const setup = setupOf(container);
  if (setup?.isRunning) return { state: "setting-up", ...(setup.line ? { reason: setup.line } : {}) };
  const reason = [diskLine(container), setup?.line, noteOf(workspace)].filter(Boolean).join("; ");
  return { state: "running", ...(reason ? { reason } : {}) };
}

/** `cloned 2 of 3, 1 under way; web: …`: of several repositories. What follows has words of git. */
function severalOf(workspace: string) {
  const found = /^cloned (\d+) of (\d+)(?:, (\d+) under way)?(?:; (.*))?$/.exec(workspace);
  if (!found) return undefined;
  const [, cloned, , underWay = 0, rest = ""] = found;
  return { cloned: Number(cloned), underWay: Number(underWay), rest };
}

/** What of a workspace wants somebody's attention, though opencode serves it. */
function noteOf(workspace: string): string | undefined {
  const several = severalOf(workspace);
  if (several) return several.rest === "" ? undefined : workspace;
  const missing = /^cloned \S+; ((?:submodules|large files \(LFS\)) missing.*)$/.exec(workspace)?.[1];
  if (missing !== undefined || !workspace.startsWith("git refuses it")) return missing;
  return workspace.replace("refuses it", "refuses the workspace");
}

function decideExited(container: ContainerInfo, wanted: "running" | "stopped"): Decided {
  if (container.oomKilled) return { state: "failed", reason: oom(container) };
  if (wanted === "stopped" || STOP_CODES.has(container.exitCode)) return { state: "stopped" };
  return { state: "failed", reason: ending(container) };
}

const restarts = (container: ContainerInfo): string =>
  `keeps restarting (${container.restarts} times): ${ending(container)}`;

function ending(container: ContainerInfo): string {
  if (container.oomKilled) return oom(container);
  const code = `exit code ${container.exitCode}`;
  return container.lastLine ? `${code}: ${container.lastLine}` : code;
}

const oom = ({ memory }: ContainerInfo): string =>
  memory > 0
    ? `OOM-killed: it exceeded its memory limit of ${Math.round(memory / 2 ** 20)} MiB`
    : "OOM-killed";

const firstLine = (text: string): string => text.trim().split("\n")[0]?.slice(0, 300) ?? "";

/** What a container's health line begins with while it stands at its gate. */
const WAITS = "waits for its turn";

/** Whether a container has started with Docker, and waits until it is let go. */
export const waitsForItsTurn = ({ healthLine }: Pick<ContainerInfo, "healthLine">): boolean =>
  healthLine.startsWith(WAITS);

/** Whether a project waits for somebody to trust its repository. */
export const isAsking = ({ healthLine }: Pick<ContainerInfo, "healthLine">): boolean =>
  healthLine.startsWith("asks whether its repository is trusted");

/**
 * The parts of a health line that are the platform's own. The last, after `workspace: `, has words of git and of the repository, which may look like
 * any other; in the parts before it the image's scripts leave no semicolon of a project's.
 */
const partsOf = (healthLine: string): string[] =>
  healthLine
    .slice(0, /(^|; )workspace: /.exec(healthLine)?.index ?? healthLine.length)
    .split("; ")
    .filter(Boolean);

/** Who has trusted the repository since the container started. */
export const trustedBy = ({ healthLine }: Pick<ContainerInfo, "healthLine">): string | undefined =>
  partsOf(healthLine)
    .find((part) => part.startsWith("trusted by "))
    ?.slice("trusted by ".length);

/** What a running container says of a change of its release that is under way: `migrating, 412 of 1300 sessions`. */
export function upgradeLine({ status, healthLine }: ContainerInfo): string | undefined {
  if (status !== "running") return undefined;
  return partsOf(healthLine).find((part) => /^(migrating|upgrading from )/.test(part));
}

/** What a container says of a disk that is nearly full: `disk nearly full: 83% of 10.0 GiB`. Root has left it there, and no agent can. */
export const diskLine = ({ healthLine }: Pick<ContainerInfo, "healthLine">): string | undefined =>
  partsOf(healthLine).find((part) => /^disk (nearly|almost) full: \d+% of [\d.]+ GiB$/.test(part));

/** How the `setup` of a project's entry goes. */
export interface Setup {
  readonly isRunning: boolean;
  /** The last line of its output while it runs, which may be empty; else how it has failed. */
  readonly line: string;
}

const SETUP_RUNNING = /^setup: running(?:: (.*))?$/;

/** What a running container says of its entry's `setup`; undefined if it has none, or that has succeeded. */
export function setupOf({
  status,
  healthLine,
}: Pick<ContainerInfo, "status" | "healthLine">): Setup | undefined {
  if (status !== "running") return undefined;
  for (const part of partsOf(healthLine)) {
    const running = SETUP_RUNNING.exec(part);
    if (running) return { isRunning: true, line: running[1] ?? "" };
    if (/^setup failed with exit code \d/.test(part)) return { isRunning: false, line: part };
  }
  return undefined;
}

/** A health line without what is said of `setup`, whose output may hold any word. */
export const withoutSetup = (healthLine: string): string =>
  healthLine
    .split("; ")
    .filter((part) => !/^setup(: running| failed)/.test(part))
    .join("; ");

/** Ports that something in a running container listens on, as its last health check saw them. The platform's own are not among them. */
export function listeningPorts({
  status,
  healthLine,
}: Pick<ContainerInfo, "status" | "healthLine">): number[] {
  const part = partsOf(healthLine).find((each) => each.startsWith("listening: "));
  if (status !== "running" || !part) return [];
  return part.slice("listening: ".length).split(", ").map(Number).filter(Number.isInteger);
}

/** Whether the health line can change without a Docker event: while the workspace is being filled, sessions migrate, or `setup` runs. */
export function isUnsettled(container: ContainerInfo): boolean {
  const { status, health, healthLine } = container;
  if (status !== "running" || health === "") return false;
  if (upgradeLine(container) !== undefined || isAsking(container)) return true;
  if (setupOf(container)?.isRunning) return true;
  return (
    health === "starting" ||
    /(^|; )workspace: (cloning|clone failed|not looked at|cloned \S+; .* missing|cloned \d+ of \d+[,;])/.test(
      healthLine,
    )
  );
}

/** Whether the last line of the container's log explains its state. */
export const hasEnded = ({ status, restarts, health }: ContainerInfo): boolean =>
  status === "exited" || status === "restarting" || (restarts >= LOOP && health === "starting");
