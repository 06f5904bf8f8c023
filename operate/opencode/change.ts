/** Gives one project another release of opencode, or the one before. */
import { fail } from "../../config/errors.ts";
import { makeNames } from "../../config/naming/names.ts";
import type { Project } from "../../config/projects/project.ts";
import type { Settings } from "../../config/stack/settings.ts";
import type { Session as OpencodeSession } from "../../opencode/api/index.ts";
import { dockerOfStack } from "../docker/of-stack.ts";
import { applyProject } from "../engine/apply.ts";
import type { Change } from "../engine/changes.ts";
import { prepareStack } from "../engine/prepare.ts";
import { prepareCommand } from "../engine/prepare-command.ts";
import type { Session } from "../engine/session.ts";
import type { UpdateOptions } from "../engine/update.ts";
import { wakeFirst } from "../keeper/awake.ts";
import { makeStorage } from "../storage/client.ts";
import { checkpointFirst } from "../storage/first.ts";
import { writeRelease } from "./release.ts";
import { type Copy, findCopy, sessionsLeft } from "./rollback.ts";

export interface ReleaseChange {
  readonly session: Session;
  readonly settings: Settings;
  readonly project: Pick<Project, "name" | "opencode">;
  /** Receives lines for people. */
  readonly notify: (line: string) => void;
}

/** What going back means. */
export interface Rollback {
  readonly copy: Copy;
  /** Sessions used since the copy was made, which the earlier release won't have; undefined while opencode does not answer. */
  readonly left: readonly OpencodeSession[] | undefined;
}

/** Wakes the project if it sleeps. @throws UserError if there is nothing to go back to */
export async function planRollback({ session, settings, project }: ReleaseChange): Promise<Rollback> {
  const run = await dockerOfStack(session, settings);
  if (!run) fail("conflict", session.stack, "has no host yet");
  const container = makeNames(settings.namePrefix).project(project.name);
  const { version } = project.opencode;
  await wakeFirst({ run, prefix: settings.namePrefix }, project.name);
  const copy = await findCopy(run, container, version);
  return { copy, left: await sessionsLeft(run, container, version, copy.madeAt) };
}

/**
 * Writes a release to the project's entry and updates the project alone. An update that is refused, or fails before
 * it changes anything, leaves the entry as it was. Follow it with `finishUpgrades`. Once in a process.
 * @throws UserError for an unknown release, or if the update fails
 */
export async function changeRelease({
  session,
  settings,
  project: { name },
  version,
  notify,
  onUpdateEvent,
}: ReleaseChange & Pick<UpdateOptions, "onUpdateEvent"> & { readonly version: string }): Promise<
  readonly Change[]
> {
  await prepareStack(session);
  await prepareCommand(session, "up", { notify });
  const run = await dockerOfStack(session, settings);
  const storage = run && makeStorage(run, makeNames(settings.namePrefix).storage);
  if (storage) await checkpointFirst(storage, name, "before-upgrade", notify);
  const restore = writeRelease(session.stack, name, version);
  return applyProject(session, name, { inProcess: true, onUpdateEvent, onUnchanged: restore });
}
