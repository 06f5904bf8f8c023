// Backups by restic: the verbs, and when they run by themselves.
import { existsSync, readFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { BACKUP_CONFIG } from "../paths.mjs";
import { projectIn } from "../verbs.mjs";
import { checkKind, Told } from "./errors.mjs";
import { makeMemory, makeState } from "./memory.mjs";
import { makeRepository } from "./repository.mjs";
import { makeRestic } from "./restic.mjs";
import { makeRestore } from "./restore.mjs";
import { pick, shownAll } from "./snapshots.mjs";
import { isShared, makeTake } from "./take.mjs";

const REASON = /^[a-z0-9-]{1,40}$/;
const HOUR_MS = 3_600_000;
/** Between two checks; and what a backup may be early, since the timer that asks is not exact. */
const CHECK_MS = 7 * 24 * HOUR_MS - HOUR_MS;
const EARLY_MS = HOUR_MS / 2;
/** After a failure, the next try by itself. */
const RETRY_MS = HOUR_MS - 60_000;
const VERBS = ["backup", "backups", "restore", "check", "try", "forget"];
const KEEP_DAYS = 30;

/** What is there of the settings: undefined where nobody has set backups up. */
export function readBackupConfig(path = BACKUP_CONFIG) {
  return existsSync(path) ? JSON.parse(readFileSync(path, "utf8")) : undefined;
}

/**
 * @param {import("../context.mjs").Context} context
 * @param {ReturnType<typeof readBackupConfig>} config
 * @param {{program?: readonly string[], patienceMs?: number}} [options] of restic
 * @returns {{verbs: Record<string, import("../verbs.mjs").Verb>, tick(): Promise<void>}} `tick` once a minute, whoever asks for backups: looks at the projects,
 *   and does what is due where nobody else asks for it
 */
export function makeBackup(context, config, options = {}) {
  if (!config) {
    const verb = async () => {
      throw new Told(
        "backups are not set up",
        "set opencode-platform:backup in Pulumi.<stack>.yaml (docs/backup.md)",
      );
    };
    return { verbs: Object.fromEntries(VERBS.map((name) => [name, verb])), tick: async () => {} };
  }
  const { now, log } = context;
  const state = makeState(context);
  const memory = makeMemory({ context, config, state });
  const { tell } = memory;
  // Made when it is needed: the cache is beside the workspaces, which may not be there when the program starts.
  let made;
  const parts = async () => {
    if (made) return made;
    await mkdir(context.paths.cache, { recursive: true, mode: 0o700 });
    const restic = makeRestic({ config, folder: context.paths.cache, ...options });
    const repository = makeRepository({ config, restic, state, context });
    const taking = makeTake({ context, config, restic, repository, state, memory });
    made = {
      restic,
      repository,
      taking,
      restoring: makeRestore({ context, restic, repository, take: taking.take, state, memory }),
    };
    return made;
  };

  const elapsed = (at) => (at ? now().getTime() - Date.parse(at) : Number.POSITIVE_INFINITY);

  /** Projects whose backup is due, or has failed an hour ago. */
  async function due() {
    const { backup = {} } = await context.status.read();
    return (await allOf()).filter((name) => {
      const { last, failed } = backup.projects?.[name] ?? {};
      return elapsed(last?.at) >= config.everyMs - EARLY_MS && elapsed(failed?.at) >= RETRY_MS;
    });
  }

  /** Projects that are to have backups. */
  async function allOf() {
    const projects = [...(await context.projects())];
    return projects
      .filter(([, { storage }]) => storage?.backup !== "never")
      .map(([name]) => name)
      .sort();
  }

  /** Those that are taken: one, or all that want it. Projects without any files yet are none. */
  async function wanted(project, reason) {
    await memory.look();
    if (project !== undefined) {
      if (await memory.isNever(projectIn(project)))
        throw new Told(
          `${project} is never backed up`,
          (await context.projects()).has(project)
            ? "its entry in projects.yaml says backup: never; take that out"
            : "its entry in projects.yaml has said backup: never",
        );
      return [project];
    }
    const names = await (reason === "schedule" ? due() : allOf());
    const withFiles = await Promise.all(names.map(async (name) => (await context.partsOf(name)).length > 0));
    return names.filter((_, index) => withFiles[index]);
  }

  async function backup({ project, reason = "manual" }, tellProgress) {
    // Nobody watches a timer: its steps would fill the log.
    const progress = reason === "schedule" ? () => {} : tellProgress;
    if (typeof reason !== "string" || !REASON.test(reason))
      throw new Told("reason: use 1 to 40 lowercase letters, digits and dashes");
    const names = await wanted(project, reason);
    const { taking } = await parts();
    await tell();
    if (names.length === 0) {
      if (reason === "schedule" && (await isCheckDue())) await check({}, progress);
      return [];
    }
    const { made, failures } = await taking.run(names, reason, progress).catch(async (error) => {
      for (const name of names) await taking.noteFailure(name, error);
      return { made: [], failures: [[undefined, error]] };
    });
    if (reason === "schedule")
      await lookAfter(
        failures.map(([, error]) => error),
        progress,
      );
    if (failures.length > 0) throw together(failures);
    return made;
  }

  /** What has failed, in one sentence. */
  function together([[first, error], ...others]) {
    if (first === undefined) return error;
    const more =
      others.length > 0 ? `, and ${others.length} more: ${others.map(([name]) => name).join(", ")}` : "";
    return new Told(`${first}: ${error.message}${more}`, error.fix, error.kind);
  }

  /** Removes what is no longer kept, whatever has failed, unless the repository itself has: of one that is full, that is what helps. */
  async function lookAfter(errors, progress) {
    if (errors.some((error) => isShared(error) && error.kind !== "full")) return;
    try {
      if (await isCheckDue()) return await check({}, progress);
      progress("removing old backups");
      await (await parts()).repository.thin();
    } catch (error) {
      if (errors.length === 0) throw error;
      log(`backup: ${error.message}`);
    }
  }

  /** Once a week, and an hour after one has failed; not before there is anything to look at. */
  async function isCheckDue() {
    const { backup: { check: last, projects = {} } = {} } = await context.status.read();
    const hasAny = Object.values(projects).some((each) => each.last);
    return hasAny && elapsed(last?.at) >= (last?.ok === false ? RETRY_MS : CHECK_MS);
  }

  async function check(_argument, progress) {
    const { repository } = await parts();
    const found = await repository.find();
    if (!found) throw new Told("there is no backup yet", "run `backup` first");
    const at = now().toISOString();
    try {
      const result = { at, ok: true, text: await repository.check(progress) };
      await tell({ check: result });
      return result;
    } catch (error) {
      await tell({ check: { at, ok: false, text: error.message, kind: checkKind(error.kind) } });
      throw error;
    }
  }

  /** The one that was tried longest ago. */
  async function nextToTry(all) {
    const { triedAt = {} } = await state.read();
    const names = [...new Set(all.map(({ project }) => project))];
    if (names.length === 0) throw new Told("there is no backup yet", "run `backup` first");
    return names.sort((a, b) => (triedAt[a] ?? "").localeCompare(triedAt[b] ?? "") || a.localeCompare(b))[0];
  }

  async function attempt({ project: asked }, progress) {
    const { repository, restoring } = await parts();
    const project = asked === undefined ? await nextToTry((await repository.find()) ?? []) : projectIn(asked);
    const at = now().toISOString();
    const note = async (ok, text) => {
      await state.update((before) => ({ ...before, triedAt: { ...before.triedAt, [project]: at } }));
      await tell({ tried: { at, project, ok, text } });
      return { at, project, ok, text };
    };
    try {
      const { backup, files, sessions } = await restoring.attempt(project, progress);
      const said = `${files} ${files === 1 ? "file" : "files"} as in the backup of ${backup.at}${sessions === undefined ? "" : `, ${sessions} sessions`}`;
      return await note(true, said);
    } catch (error) {
      await note(false, error.message);
      throw error;
    }
  }

  const verbs = {
    backup,
    async backups({ project }) {
      const { repository } = await parts();
      const all = (await repository.find()) ?? [];
      return shownAll(
        context,
        all.filter((each) => project === undefined || each.project === projectIn(project)),
      );
    },
    async restore({ project, at = "latest", into, path, withoutBackup }, progress) {
      projectIn(project);
      if (into) projectIn(into.name, "into");
      if (into && !(Number.isInteger(into.uid) && Number.isInteger(into.gid)))
        throw new Told("into: uid and gid are numbers");
      if (into && path)
        throw new Told(
          "into and path do not go together",
          "restore the project into the new name, and take the file from there",
        );
      if (typeof at !== "string") throw new Told("at: write an id, latest, or a time");
      const { restoring } = await parts();
      return restoring.restore({ project, at, into, path, withoutBackup }, progress);
    },
    check,
    try: attempt,
    async forget({ project, keepDays = KEEP_DAYS }) {
      if (!Number.isInteger(keepDays) || keepDays < 1) throw new Told("keepDays: a whole number of days");
      const { repository } = await parts();
      const all = (await repository.find()) ?? [];
      const last = pick(
        all.filter((each) => each.project === projectIn(project)),
        "latest",
        project,
      );
      const kept = await repository.keepUntil(last, keepDays);
      await context.status.update((status) => {
        const { [project]: _, ...projects } = status.backup?.projects ?? {};
        return { ...status, backup: { ...status.backup, projects } };
      });
      const [backup] = await shownAll(context, [kept]);
      return { backup, until: kept.until };
    },
  };

  // So that whoever asks for the status is told what is true now.
  void memory.look().catch((error) => log(`backup: ${error.message}`));
  let isTicking = false;
  return {
    verbs,
    async tick() {
      if (isTicking) return;
      isTicking = true;
      try {
        await memory.look();
        if (config.schedule !== "own") return;
        const names = await wanted(undefined, "schedule");
        if (names.length > 0 || (await isCheckDue())) await backup({ reason: "schedule" }, () => {});
      } catch (error) {
        log(`backup: ${error.message}`);
      } finally {
        isTicking = false;
      }
    },
  };
}
