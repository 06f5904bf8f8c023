/** Backups and checkpoints as rows of a table. Pure. */
import { isoMinute } from "../../config/text/days.ts";
import { formatSize } from "../../config/text/sizes.ts";
import type { Backup, Checkpoint, Progress } from "./answers.ts";

export const BACKUP_COLUMNS = ["PROJECT", "ID", "WHEN", "SIZE", "NEW", "OPENCODE", "WHY"] as const;

/** A backup's id as people are shown it. */
export const shortId = ({ id }: Pick<Backup, "id">): string => id.slice(0, 12);

/** What says that a backup is of other people's project, perhaps. */
export const EARLIER = "of an earlier project of this name";

export const backupRow = ({
  project,
  id,
  at,
  bytes,
  added,
  release,
  reason,
  isEarlier,
}: Backup): string[] => [
  project,
  shortId({ id }),
  isoMinute(at),
  formatSize(bytes),
  added === undefined ? "" : formatSize(added),
  release,
  isEarlier ? [reason, EARLIER].filter(Boolean).join(", ") : reason,
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
