/** Backups and checkpoints as rows of a table. Pure. */
import { isoMinute } from "../../config/text/days.ts";
import { formatSize } from "../../config/text/sizes.ts";
import type { Backup, Checkpoint, Progress } from "./answers.ts";

export const BACKUP_COLUMNS = ["PROJECT", "ID", "WHEN", "SIZE", "NEW", "OPENCODE", "WHY"] as const;

export const backupRow = ({ project, id, at, bytes, added, release, reason }: Backup): string[] => [
  project,
  id.slice(0, 12),
  isoMinute(at),
  formatSize(bytes),
  added === undefined ? "" : formatSize(added),
  release,
  reason,
];

export const CHECKPOINT_COLUMNS = ["LABEL", "ID", "WHEN", "TAKES", "WHY"] as const;

export const checkpointRow = ({ label, id, at, bytes, reason }: Checkpoint): string[] => [
  label,
  id,
  isoMinute(at),
  bytes === undefined ? "" : formatSize(bytes),
  reason,
];

/** `copying the workspace (41 %)`. */
export const progressText = ({ step, percent }: Progress): string =>
  percent === undefined ? step : `${step} (${Math.round(percent)} %)`;
