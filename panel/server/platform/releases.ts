/** Changes of projects' releases of opencode: an operation ends when the project has changed, or is taken back. */
import type { Engine } from "../../../operate/docker/engine.ts";
import {
  assertChanged,
  type FailedUpgrade,
  followUpgrades,
  wentBack,
} from "../../../operate/opencode/upgrades.ts";
import { dockerOver } from "./docker-client.ts";
import type { Operation, OperationRequest } from "./types.ts";

/** The projects' releases, in projects.yaml and in their containers. */
export interface Releases {
  /** A project's release in projects.yaml; undefined for an unknown project or an invalid file. */
  of(project: string): string | undefined;
  /**
   * Waits until a project has changed its release. `notify` receives each step.
   * @returns why it failed, and the release to go back to; undefined if it succeeded
   * @throws UserError if it takes too long; the signal's reason
   */
  follow(
    project: string,
    notify: (line: string) => void,
    signal: AbortSignal,
  ): Promise<FailedUpgrade | undefined>;
}

/** Follows the containers of a stack over its Docker socket. @param prefix the stack's prefix of names */
export const makeReleases = (engine: Engine, prefix: string, of: Releases["of"]): Releases => ({
  of,
  async follow(project, notify, signal) {
    const run = dockerOver(engine, signal);
    const followed = await followUpgrades({ run, prefix, project, notify });
    const [failed] = followed.failed;
    if (!failed) assertChanged(followed);
    return failed;
  },
});

/** The release of a request's project if its edit can change that, else undefined. */
export const releaseIn = (releases: Releases | undefined, { edit }: OperationRequest): string | undefined =>
  edit?.kind === "release" || (edit?.kind === "change" && edit.values.opencode !== undefined)
    ? releases?.of(edit.name)
    : undefined;

/** Whether a request starts a project, which may have been given another release while it was stopped. */
export const isStart = ({ edit }: OperationRequest): boolean =>
  edit?.kind === "change" && edit.values.state !== undefined && edit.values.state !== "stopped";

export interface FollowParts {
  readonly releases: Releases;
  /** Receives lines for people. */
  readonly notify: (line: string) => void;
  readonly signal: AbortSignal;
  /** Runs an operation to its end. */
  readonly run: (request: OperationRequest) => Promise<Operation>;
}

/**
 * Waits until projects have changed their releases, and takes back those that could not.
 * @returns what to tell people of those; undefined if all have changed
 * @throws as `Releases.follow`
 */
export async function followReleases(
  projects: readonly string[],
  parts: FollowParts,
): Promise<string | undefined> {
  const ends = await Promise.all(projects.map((project) => followOne(project, parts)));
  return ends.filter((end) => end !== undefined).join("\n") || undefined;
}

async function followOne(project: string, parts: FollowParts): Promise<string | undefined> {
  const { releases, notify, signal } = parts;
  const given = releases.of(project);
  const failed = await releases.follow(project, notify, signal);
  if (!failed) return undefined;
  const before = `${project} could not change to opencode ${given}: ${failed.reason}.`;
  if (releases.of(project) !== given) return `${before} Its entry was changed meanwhile.`;
  try {
    return `${await takeBack(failed, parts)} Its entry in projects.yaml says so now.`;
  } catch (error) {
    if (signal.aborted) throw error;
    return `${before} Going back to opencode ${failed.from} failed: ${(error as Error).message}`;
  }
}

/** Undoes the change in projects.yaml and on the host. */
async function takeBack(failed: FailedUpgrade, { run, signal }: FollowParts): Promise<string> {
  const { project, from } = failed;
  const { state, error } = await run({
    person: PANEL,
    what: `take ${project} back to opencode ${from}`,
    project,
    edit: { kind: "release", name: project, version: from },
  });
  signal.throwIfAborted();
  if (state !== "succeeded") throw new Error(error ?? state);
  return wentBack(failed);
}

/** The author of what nobody has asked for. */
export const PANEL = { email: "panel", kind: "local", admin: true } as const;
