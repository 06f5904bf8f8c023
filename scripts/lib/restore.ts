/** The ways of `npm run restore`. */
import { fail } from "../../config/errors.ts";
import { isoMinute } from "../../config/text/days.ts";
import { finishUpdate } from "../../operate/opencode/finish.ts";
import { BEFORE_RESTORE } from "../../operate/storage/answers.ts";
import type { Backup, Restored } from "../../operate/storage/client.ts";
import { beginCopy } from "../../operate/storage/fork.ts";
import { momentOf } from "../../operate/storage/moment.ts";
import { BACKUP_COLUMNS, backupRow, shortId } from "../../operate/storage/words.ts";
import { duration } from "../../toolchain/lib/words.ts";
import { isConfirmed } from "./ask.ts";
import { showUpdate } from "./progress.ts";
import { assertProject, endProgress, progressPrinter, type StorageCommand } from "./storage.ts";
import { notRestored, restoreAllAsk, restoreBegins, smallFix } from "./storage-words.ts";
import { table } from "./table.ts";

const restoredText = (name: string, { backup, before }: Restored): string =>
  `${name} is as it was at ${isoMinute(backup.at)} (backup ${shortId(backup)}).${
    before ? ` What it had before is the backup ${shortId(before)}.` : ""
  }`;

const WITHOUT = "without-backup";
/** What becomes of what is there. */
const fate = ({ flags }: Pick<StorageCommand, "flags">): string =>
  flags.has(WITHOUT) ? "is lost: --without-backup" : "is backed up first";

/** The flags that say what is restored. */
const wanted = ({ flags }: StorageCommand) => ({
  ...(flags.has("at") ? { at: flags.get("at") ?? "" } : {}),
  ...(flags.has("path") ? { path: flags.get("path") ?? "" } : {}),
  ...(flags.has(WITHOUT) ? { withoutBackup: true } : {}),
});

/** A project in its place. */
export async function restoreOne(command: StorageCommand): Promise<number> {
  const { storage, flags, isSure, stackFlag } = command;
  const [name = ""] = command.words;
  assertProject(command, name);
  const [at, path] = [flags.get("at"), flags.get("path")];
  console.log(restoreBegins({ name, at, path, fate: fate(command), stackFlag }));
  if (!(await isConfirmed(isSure, "Restore?"))) return 1;
  const answer = await storage.restore({ project: name, ...wanted(command) }, progressPrinter());
  endProgress();
  console.log(restoredText(name, command.valueOf(answer, name)));
  return 0;
}

/** A project beside its original, with an entry of its own. */
export async function restoreInto(command: StorageCommand): Promise<number> {
  const { storage, session, settings, flags } = command;
  const [name = ""] = command.words;
  const to = flags.get("into") ?? "";
  if (flags.has("path")) fail("config", "npm run restore", "--into takes a whole project, and no --path");
  assertProject(command, name);
  const add = await beginCopy({
    session,
    from: name,
    to,
    notify: console.error,
    fill: async (into) => {
      const answer = await storage.restore({ project: name, ...wanted(command), into }, progressPrinter());
      endProgress();
      console.log(restoredText(to, command.valueOf(answer, to)));
    },
  });
  await showUpdate("up", add);
  return (await finishUpdate(session, settings, console.log, { project: to })) ? 0 : 1;
}

/**
 * The backup of each project that all are restored from: the newest, or the newest until a time.
 * @param backups newest first
 */
export function chosen(backups: readonly Backup[], projects: readonly string[], until?: string) {
  const last = until === undefined ? Number.POSITIVE_INFINITY : momentOf(until);
  return projects.flatMap((name) => {
    const [backup, before] = backups.filter(
      ({ project, at, reason }) => project === name && reason !== BEFORE_RESTORE && Date.parse(at) <= last,
    );
    // One that was taken of a new, empty disk, before somebody has restored it.
    const isSmall = backup !== undefined && before !== undefined && 2 * backup.bytes < before.bytes;
    return backup ? [{ backup, isSmall }] : [];
  });
}

/** Every project of the file, after a loss of everything: one that fails does not keep the others from it. */
export async function restoreAll(command: StorageCommand): Promise<number> {
  const { storage, projects, isSure, words, flags, stackFlag } = command;
  if (words.length > 0 || flags.has("into") || flags.has("path"))
    fail("config", "npm run restore", "--all takes no name, --into or --path", "npm run restore -- --help");
  const until = flags.get("at");
  if (until !== undefined && Number.isNaN(Date.parse(until)))
    fail("config", "--at", `"${until}" is not a time`, "with --all write a time: 2026-11-30T03:00Z");
  const names = projects.map(({ name }) => name);
  const choice = chosen(command.valueOf(await storage.backups(), "backups"), names, until);
  if (choice.length === 0) fail("conflict", "npm run restore", "no project of projects.yaml has a backup");
  const others = names.filter((name) => !choice.some(({ backup }) => backup.project === name));
  console.log(
    table(
      BACKUP_COLUMNS,
      choice.map(({ backup }) => backupRow(backup)),
    ).join("\n"),
  );
  if (others.length > 0) console.log(`\nWithout a backup, and left as they are: ${others.join(", ")}.`);
  const small = choice.filter(({ isSmall }) => isSmall).map(({ backup }) => backup.project);
  if (small.length > 0 && until === undefined)
    fail(
      "conflict",
      small.join(", "),
      "the newest backup has less than half of the one before it, so it may be of what was there after the loss",
      smallFix(stackFlag),
    );
  if (!(await isConfirmed(isSure, restoreAllAsk(fate(command), stackFlag)))) return 1;
  const start = performance.now();
  const failed: string[] = [];
  for (const { backup } of choice) {
    const { project, id } = backup;
    const answer = await storage.restore({ ...wanted(command), project, at: id }, progressPrinter());
    endProgress();
    if (answer.kind === "answered") console.log(restoredText(project, answer.value));
    else {
      failed.push(project);
      const fix = answer.kind === "refused" && answer.fix ? ` — ${answer.fix}` : "";
      console.error(`${project}: ${answer.reason}${fix}`);
    }
  }
  const count = `${choice.length - failed.length} of ${choice.length}`;
  console.log(`${count} restored in ${duration(performance.now() - start)}.`);
  if (failed.length > 0) console.error(notRestored(failed, stackFlag));
  return failed.length > 0 ? 1 : 0;
}
