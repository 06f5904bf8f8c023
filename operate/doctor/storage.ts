/** Checks a stack's backups, and whether what takes them answers. */
import { isoMinute } from "../../config/text/days.ts";
import { scriptOn } from "../engine/session.ts";
import type { StorageAnswer, StorageStatus } from "../storage/client.ts";
import { type BackedUp, backupProblems, newestOf, problemText, withoutBackup } from "../storage/judge.ts";
import { type Finding, type FixCommands, failed, note, ok } from "./finding.ts";

const DOCS = "docs/backup.md";

export interface StorageChecks {
  readonly answer: StorageAnswer<StorageStatus>;
  readonly projects: readonly BackedUp[];
  /** The storage program's container. */
  readonly container: string;
  readonly commands: Pick<FixCommands, "docker">;
  /** ` --stack prod`, for commands; empty for this machine's stack. */
  readonly stackFlag: string;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/** On this machine backups are off unless somebody wants them, which is worth no line. */
export function storageFindings({
  answer,
  projects,
  container,
  commands,
  stackFlag,
  now,
}: StorageChecks): Finding[] {
  // That its container is not there, or does not run, is the containers' finding.
  if (answer.kind === "missing") return [];
  if (answer.kind !== "answered")
    return [failed(`storage: ${answer.reason}`, commands.docker(`restart ${container}`))];
  const { backup, running } = answer.value;
  const busy = running.map(({ project, what, since }) =>
    note(`storage: ${what} of ${project} since ${isoMinute(since)}`),
  );
  if (!backup) {
    const none = note("backups: not set up", `set opencode-platform:backup (${DOCS})`);
    return stackFlag === "" ? busy : [none, ...busy];
  }
  const problems = backupProblems(backup, projects, now);
  const findings = problems.map((problem) =>
    failed(
      problemText(problem),
      problem.project === undefined ? DOCS : `npm run backup -- ${problem.project}${stackFlag}`,
    ),
  );
  const told = new Set(problems.map(({ project }) => project));
  const fresh = withoutBackup(backup, projects).filter((name) => !told.has(name));
  const newest = newestOf(backup);
  const last = newest ? `, the newest of ${isoMinute(newest.at)}` : "";
  return [
    ...(findings.length > 0 ? findings : [ok(`backups: to ${backup.to}${last}`)]),
    ...(fresh.length > 0
      ? [note(`backups: none yet of ${fresh.join(", ")}`, scriptOn("backup", stackFlag))]
      : []),
    ...busy,
  ];
}
