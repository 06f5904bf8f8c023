/** What the scripts of backups and checkpoints say, each command with the stack that it is for. Pure. */
import { scriptOn } from "../../operate/engine/session.ts";
import type { Checkpoint } from "../../operate/storage/client.ts";

/** ` on the stack prod`; empty on this machine's. @param stackFlag ` --stack prod`, or empty */
const on = (stackFlag: string): string => stackFlag.replace(/^ --stack /, " on the stack ");

/** @param dropped labels of those that had to go for it */
export const checkpointMade = (
  name: string,
  { label, dropped = [] }: Pick<Checkpoint, "label" | "dropped">,
  stackFlag: string,
): string =>
  [
    `${name} has the checkpoint ${label}. To go back to it: npm run rollback -- ${name} ${label}${stackFlag}`,
    ...(dropped.length > 0
      ? [`There were as many as its entry says (checkpoints): gone is ${dropped.join(", ")}.`]
      : []),
  ].join("\n");

export const noCheckpoint = (name: string, stackFlag: string): string =>
  `${name} has no checkpoint. To make one: npm run checkpoint -- ${name}${stackFlag}`;

export const howToRestore = (stackFlag: string): string =>
  `To restore one: npm run restore -- <name> --at <id>${stackFlag}`;

/** What somebody is told before a roll-back. */
export const rollbackBegins = (name: string, label: string, stackFlag: string): string =>
  [
    `${name}${on(stackFlag)} goes back to ${label}: its files, opencode's sessions and what its services keep. It is stopped for that, and started again.`,
    "What it has now is kept as the checkpoint before-rollback.",
  ].join("\n");

export interface RestoreWords {
  readonly name: string;
  /** Default: the newest backup. */
  readonly at?: string | undefined;
  /** Default: all of it. */
  readonly path?: string | undefined;
  /** What becomes of what is there: `is backed up first`. */
  readonly fate: string;
  readonly stackFlag: string;
}

/** What somebody is told before a restore. */
export function restoreBegins({ name, at, path, fate, stackFlag }: RestoreWords): string {
  const whose = `${name}${on(stackFlag)}`;
  const from = at === undefined ? "its newest backup" : `the backup ${at}`;
  return path === undefined
    ? `${whose} goes back to ${from}. It is stopped for that, and started again.\nWhat it has now ${fate}.`
    : `${path} of ${whose} goes back to ${from}. The project runs on meanwhile.\nWhat it has now ${fate}.`;
}

/** The question before all are restored. */
export const restoreAllAsk = (fate: string, stackFlag: string): string =>
  `\nRestore them all${on(stackFlag)}? What they have now ${fate}.`;

export const smallFix = (stackFlag: string): string =>
  `say from when: npm run restore -- --all --at <time>${stackFlag}; ${scriptOn("backups", stackFlag)} lists them`;

export const notRestored = (names: readonly string[], stackFlag: string): string =>
  `Not restored: ${names.join(", ")}. For each: npm run restore -- <name>${stackFlag}`;
