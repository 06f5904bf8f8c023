/** Takes a last backup of a removed project before its workspace is deleted, where backups are set up. */
import { fail } from "../../config/errors.ts";
import { assertUnused, isLeft, purge } from "../workspaces/left.ts";
import { projectOfAside } from "../workspaces/names.ts";
import type { WorkspacesPlace } from "../workspaces/place.ts";
import type { OnProgress, Storage } from "./client.ts";
import { removePurgedCheckpoints } from "./purged.ts";
import { shortId } from "./words.ts";

/** Days for which the last backup of a removed project is kept. */
export const LAST_KEPT_DAYS = 30;

type LastBackup = Pick<Storage, "status" | "backup" | "forget">;

export interface LastBackupOptions {
  /** What deletes without a backup: `npm run purge -- shop --without-backup`. */
  readonly without: string;
  /** Whether the stack's settings say where backups go. Asked where the storage program does not know of any. */
  readonly isSetUp: () => boolean;
  readonly onProgress?: OnProgress;
}

/**
 * @returns what was done, in a sentence; undefined where backups are not set up
 * @throws UserError if it fails, or nobody knows whether backups are set up
 */
export async function takeLastBackup(
  storage: LastBackup,
  project: string,
  { without, isSetUp, onProgress }: LastBackupOptions,
): Promise<string | undefined> {
  const refuse = (reason: string): never =>
    fail(
      "environment",
      `workspace of ${project}`,
      `its last backup failed, so nothing was deleted: ${reason}`,
      `to delete it without one: ${without}`,
    );
  const status = await storage.status();
  // Without backups nothing is asked of a program that does not run, or not yet. With them it would have taken one.
  const knowsOfSome = status.kind === "answered" && status.value.backup !== undefined;
  if (!knowsOfSome && !isSetUp()) return undefined;
  if (status.kind !== "answered") return refuse(status.reason);
  if (!status.value.backup) return refuse("backups are set up, and in force only with the next update");
  const taken = await storage.backup(project, "removal", onProgress);
  if (taken.kind === "refused" && taken.reason === `${project} is never backed up`)
    return "It has no last backup, since its entry said backup: never.";
  if (taken.kind !== "answered") return refuse(taken.reason);
  if (taken.value.length === 0) return refuse("the storage program names no backup");
  const kept = await storage.forget(project, LAST_KEPT_DAYS);
  if (kept.kind !== "answered") return refuse(kept.reason);
  return `Its last backup ${shortId(kept.value.backup)} is kept for ${LAST_KEPT_DAYS} days.`;
}

export interface DeletionOptions extends LastBackupOptions {
  readonly storage: LastBackup;
  /** Default: false. */
  readonly withoutBackup?: boolean;
  /** Receives what was done about a backup, and what is to be done about checkpoints. */
  readonly tell: (text: string) => void;
  /** Whether it may still be deleted once the backup is there, which may have taken long. @throws if not. Default: it may */
  readonly assertStill?: () => Promise<void>;
  /** Waits for the backup. @throws if nobody does any more: nothing is deleted then. Default: waits until its end */
  readonly whileOpen?: <Value>(work: () => Promise<Value>) => Promise<Value>;
}

/**
 * Deletes what a removed project left behind, or something set aside, of which no backup can be taken; and its checkpoints with the last of it.
 * @throws UserError if its last backup fails, or it may still be used; nothing is deleted or marked then
 */
export async function deleteWithLastBackup(
  place: WorkspacesPlace,
  name: string,
  {
    storage,
    withoutBackup = false,
    tell,
    assertStill,
    whileOpen = (work) => work(),
    ...options
  }: DeletionOptions,
): Promise<void> {
  if (!withoutBackup && projectOfAside(name) === undefined && (await isLeft(place, name))) {
    // A backup that is marked as the last of a project which goes on would have its later ones removed some day.
    await assertUnused(place, name);
    const taken = await whileOpen(() => takeLastBackup(storage, name, options));
    if (taken !== undefined) tell(taken);
    await assertStill?.();
  }
  await purge(place, name);
  const checkpoints = await removePurgedCheckpoints(place, storage, name);
  if (checkpoints !== undefined) tell(checkpoints);
}
