/**
 * Follows projects that an update has given another release of opencode, and takes those that fail back: the
 * image's script `upgrade` has kept a copy of their sessions, which their old release restores.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { fail } from "../../config/errors.ts";
import type { Settings } from "../../config/stack/settings.ts";
import { type ContainerState, listContainersBy, type RunDocker } from "../docker/containers.ts";
import { dockerOfStack } from "../docker/of-stack.ts";
import { applyProject } from "../engine/apply.ts";
import { commandFor, type Session } from "../engine/session.ts";
import { writeRelease } from "./release.ts";
import { readUpgrade, type UpgradeState } from "./upgrade-log.ts";

/** Milliseconds for a project to migrate: 2.x took 2 minutes for 10,000 sessions in upstream's reports. */
const TIMEOUT_MS = 15 * 60_000;
const POLL_MS = 1000;
/** Lines of a container's log that are read. */
const LOG_LINES = 200;

export interface FollowParts {
  readonly run: RunDocker;
  /** The stack's prefix of names. */
  readonly prefix: string;
  /** Receives lines for people. */
  readonly notify: (line: string) => void;
  /** The only project to follow. Default: all. */
  readonly project?: string | undefined;
  readonly timeoutMs?: number;
}

/** A project whose change of release failed, and the release that it has to go back to. */
export interface FailedUpgrade {
  readonly project: string;
  readonly from: string;
  readonly reason: string;
}

/** How changes of release have ended. */
export interface Followed {
  readonly failed: readonly FailedUpgrade[];
  /** Projects that are still changing. */
  readonly changing: readonly string[];
}

/** Waits until no project is changing its release, one has failed, or the time is up. */
export async function followUpgrades({
  run,
  prefix,
  project: only,
  notify,
  timeoutMs = TIMEOUT_MS,
}: FollowParts): Promise<Followed> {
  const printed = new Map<string, string>();
  /** Projects whose end is still to be told: a short change may be over, and its container healthy, at the next look. */
  let begun: ReadonlySet<string> = new Set();
  for (const until = performance.now() + timeoutMs; ; await sleep(POLL_MS)) {
    const found = await readUpgrades(run, prefix, only, begun);
    for (const [project, upgrade] of found) {
      const line = "line" in upgrade ? upgrade.line : "";
      if (line && printed.get(project) !== line) notify(`${project}: ${line}`);
      printed.set(project, line);
    }
    const changing = found.flatMap(([project, { state }]) => (state === "running" ? [project] : []));
    begun = new Set(changing);
    const failed = found.flatMap(([project, upgrade]) =>
      upgrade.state === "failed" ? [{ project, from: upgrade.from, reason: upgrade.reason }] : [],
    );
    if (changing.length === 0 || failed.length > 0 || performance.now() > until) return { failed, changing };
  }
}

/** Throws for projects that have taken too long. */
export function assertChanged({ changing }: Followed): void {
  if (changing.length > 0)
    fail(
      "environment",
      changing.join(", "),
      "is still changing its release of opencode",
      "npm run doctor says when it is done",
    );
}

async function readUpgrades(
  run: RunDocker,
  prefix: string,
  only: string | undefined,
  begun: ReadonlySet<string>,
): Promise<[string, UpgradeState][]> {
  const containers = (await listContainersBy(run, prefix, only)).filter(
    (container) =>
      !container.service && isUp(container) && (mayBeChanging(container) || begun.has(container.project)),
  );
  return Promise.all(
    containers.map(async ({ name, project, health }) => {
      const { stdout, stderr } = await run(["logs", "--tail", String(LOG_LINES), name]);
      const upgrade = readUpgrade(`${stdout}\n${stderr}`);
      const begins = upgrade.state !== "running" && health === "starting" && (await isDue(run, name));
      return [project, begins ? BEGINNING : upgrade] as [string, UpgradeState];
    }),
  );
}

const BEGINNING: UpgradeState = { state: "running", line: "" };

/** Prints the release that a project's sessions are of, then the container's own, as the image's script `upgrade` finds them. */
const PRINT_RELEASES = `home=$HOME/.local/share; changed=$home/opencode-platform
own="$(cat /usr/local/lib/opencode-platform/version)"
[ "$(cut -d' ' -f1 "$changed/failed" 2>/dev/null)" != "$own" ] || exit
cat "$changed/release" 2>/dev/null || [ ! -e "$home/opencode/opencode.db" ] || echo 1
echo "$own"`;

/**
 * Whether a container that is starting will change its release before it serves: it has been given one, now or while it was stopped, and its log
 * doesn't say so yet.
 */
async function isDue(run: RunDocker, container: string): Promise<boolean> {
  const { code, stdout } = await run(["exec", container, "sh", "-c", PRINT_RELEASES]);
  const [sessions, own, more] = stdout.split("\n").filter(Boolean);
  if (code !== 0 || !sessions || !own || more !== undefined) return false;
  // Sessions from before releases were written down have run any 1.x.
  return sessions === "1" ? !own.startsWith("1.") : sessions !== own;
}

/** A project that is stopped meanwhile goes on with its change when it is started. */
const isUp = ({ status }: ContainerState): boolean => status === "running" || status === "restarting";

/** Settled containers are healthy and mention no change that is under way. */
const mayBeChanging = ({ project, health, healthLine }: ContainerState): boolean =>
  project !== "" && (health !== "healthy" || /upgrad|migrating/.test(healthLine));

/** What people are told of a project that was taken back. */
export const wentBack = ({ project, from, reason }: FailedUpgrade): string =>
  `${project} went back to opencode ${from}, with its sessions as they were: ${reason}.`;

/**
 * Takes a project back to the release that it had, in projects.yaml and on the host.
 * @returns what to tell people
 * @throws UserError if that fails
 */
export async function goBack(session: Session, { project, from, reason }: FailedUpgrade): Promise<string> {
  // A project from before releases were written down says only its major, which is a choice too.
  writeRelease(session.stack, project, from);
  await applyProject(session, project);
  return `${wentBack({ project, from, reason })} Its entry in projects.yaml says so now; commit that, or choose another release. ${commandFor(session, "up")} applies it.`;
}

/**
 * Follows changes of release, of all projects or one, and takes back what failed.
 * @returns whether all succeeded
 */
export async function finishUpgrades(
  session: Session,
  settings: Settings,
  notify: (line: string) => void,
  only: Pick<FollowParts, "project"> = {},
): Promise<boolean> {
  const run = await dockerOfStack(session, settings);
  if (!run) return true;
  const parts = { run, prefix: settings.namePrefix, notify, ...only };
  return takeBackFailed(parts, (failed) => goBack(session, failed));
}

/**
 * Follows changes of release to their end. What fails is taken back at once: others may migrate for long.
 * @param takeBack returns what to tell people
 * @returns whether all succeeded
 */
export async function takeBackFailed(
  parts: FollowParts,
  takeBack: (failed: FailedUpgrade) => Promise<string>,
): Promise<boolean> {
  const taken = new Set<string>();
  for (;;) {
    const followed = await followUpgrades(parts);
    const failed = followed.failed.filter(({ project }) => !taken.has(project));
    for (const each of failed) {
      taken.add(each.project);
      parts.notify(await takeBack(each));
    }
    if (failed.length > 0) continue;
    assertChanged(followed);
    return taken.size === 0;
  }
}
