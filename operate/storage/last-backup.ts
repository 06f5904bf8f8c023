/** Takes a last backup of a removed project before its workspace is deleted, where backups are set up. */
import { fail } from "../../config/errors.ts";
import type { OnProgress, Storage } from "./client.ts";

/** Days for which the last backup of a removed project is kept. */
export const LAST_KEPT_DAYS = 30;

type LastBackup = Pick<Storage, "status" | "backup" | "forget">;

export interface LastBackupOptions {
  /** What deletes without a backup: `npm run purge -- shop --without-backup`. */
  readonly without: string;
  readonly onProgress?: OnProgress;
}

/**
 * @returns what was done, in a sentence; undefined where backups are not set up
 * @throws UserError if it fails, or nobody knows whether backups are set up
 */
export async function takeLastBackup(
  storage: LastBackup,
  project: string,
  { without, onProgress }: LastBackupOptions,
): Promise<string | undefined> {
  const refuse = (reason: string): never =>
    fail(
      "environment",
      `workspace of ${project}`,
      `its last backup failed, so nothing was deleted: ${reason}`,
      `to delete it without one: ${without}`,
    );
  const status = await storage.status();
  // A stack of an earlier release has no storage program, and so no backups.
  if (status.kind === "missing") return undefined;
  if (status.kind !== "answered") return refuse(status.reason);
  if (!status.value.backup) return undefined;
  const taken = await storage.backup(project, "removal", onProgress);
  if (taken.kind !== "answered") return refuse(taken.reason);
  const [last] = taken.value;
  if (!last) return refuse("the storage program names no backup");
  const kept = await storage.forget(project, LAST_KEPT_DAYS);
  if (kept.kind !== "answered") return refuse(kept.reason);
  return `Its last backup ${last.id} is kept for ${LAST_KEPT_DAYS} days.`;
}
