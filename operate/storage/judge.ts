/** What is wrong with a stack's backups: for doctor, the panel and its notices. Pure. */
import { isoMinute } from "../../config/text/days.ts";
import type { Backup, CheckKind, StorageStatus } from "./answers.ts";

/** A newest backup may be so many periods old: one that is late by less may only have waited for its turn. */
const PERIODS = 1.5;

/** What somebody has to know of the backups of a stack, or of one project. */
export interface BackupProblem {
  /** The same for as long as it is the same problem. */
  readonly key: string;
  /** Undefined for one of the whole repository. */
  readonly project?: string;
  /** Without the project's name: `the newest backup is of 2026-11-28 03:00 UTC, older than 36 h`. */
  readonly what: string;
}

/** A project as far as its backups are concerned. */
export interface BackedUp {
  readonly name: string;
  /** Whether its entry says `backup: never`. Default: false. */
  readonly isExcluded?: boolean;
}

type BackupStatus = NonNullable<StorageStatus["backup"]>;

/** Problems of the repository first. @param now milliseconds since 1970 */
export function backupProblems(
  backup: BackupStatus,
  projects: readonly BackedUp[],
  now: number,
): BackupProblem[] {
  const { check, tried } = backup;
  return [
    ...(check && !check.ok ? [checkProblem(check)] : []),
    ...(tried && !tried.ok
      ? [
          {
            key: "tried",
            what: `a restore of ${tried.project} for a try failed: ${tried.text} (${isoMinute(tried.at)})`,
          },
        ]
      : []),
    ...projects.flatMap((project) => projectProblems(backup, project, now)),
  ];
}

/** What a failed look at the repository says of it, before its own reason. That it could not be looked at is no damage. */
const NOT_CHECKED = "the repository could not be checked";
const CHECK_WORDS: Readonly<Record<CheckKind, string>> = {
  broken: "the check found damage",
  full: NOT_CHECKED,
  key: NOT_CHECKED,
  unreachable: NOT_CHECKED,
  locked: NOT_CHECKED,
  other: "the check of the repository failed",
};

function checkProblem({ kind = "other", text, at }: NonNullable<BackupStatus["check"]>): BackupProblem {
  return { key: `check ${kind}`, what: `${CHECK_WORDS[kind]}: ${text} (${isoMinute(at)})` };
}

function projectProblems(
  { everyMs, projects }: BackupStatus,
  { name, isExcluded = false }: BackedUp,
  now: number,
): BackupProblem[] {
  if (isExcluded) return [];
  const { since, last, failed } = projects[name] ?? {};
  const isFailing = failed && !(last && Date.parse(last.at) > Date.parse(failed.at));
  if (isFailing) {
    const kept = last ? `the newest is of ${isoMinute(last.at)}` : "there is none";
    const what = `its backup failed at ${isoMinute(failed.at)}: ${failed.what}; ${kept}`;
    return [{ key: `failed ${name}`, project: name, what }];
  }
  // One that was not backed up for a while is not late the moment it is to be.
  const known = [last?.at, since].flatMap((at) => (at === undefined ? [] : [Date.parse(at)]));
  if (known.length === 0 || now - Math.max(...known) <= PERIODS * everyMs) return [];
  const what = last
    ? `its newest backup is of ${isoMinute(last.at)}, older than ${hours(PERIODS * everyMs)}`
    : `it has no backup, and was to have one ${hours(everyMs)} after ${isoMinute(since ?? "")}`;
  return [{ key: `late ${name}`, project: name, what }];
}

/** `36 h`, `45 min`. */
const hours = (ms: number): string =>
  ms >= 3_600_000 ? `${Number((ms / 3_600_000).toFixed(1))} h` : `${Math.round(ms / 60_000)} min`;

/** A problem in one sentence, with whose it is. */
export const problemText = ({ project, what }: BackupProblem): string =>
  project === undefined ? `backups: ${what}` : `${project}: ${what}`;

/** Projects that are to have backups and have none yet. */
export const withoutBackup = ({ projects }: BackupStatus, all: readonly BackedUp[]): string[] =>
  all.filter(({ name, isExcluded }) => !isExcluded && !projects[name]?.last).map(({ name }) => name);

/** The newest backup of all. */
export const newestOf = ({ projects }: BackupStatus): Backup | undefined =>
  Object.values(projects)
    .flatMap(({ last }) => (last ? [last] : []))
    .toSorted((one, other) => Date.parse(other.at) - Date.parse(one.at))[0];
