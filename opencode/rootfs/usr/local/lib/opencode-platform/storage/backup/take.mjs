// Takes backups of projects, one after the other.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { Told } from "./errors.mjs";
import { ALWAYS, DEFAULT_EXCLUDES, forRestic } from "./excludes.mjs";
import { fingerprint } from "./fingerprint.mjs";
import { BEFORE_RESTORE, backupOf, mineToo, shown, tagsOf } from "./snapshots.mjs";
import { stage } from "./staging.mjs";

/** Failures that are of the repository and not of a project: the next project would fail as well. */
const SHARED = new Set([
  "password",
  "locked",
  "full",
  "refused",
  "hostkey",
  "bucket",
  "absent",
  "broken",
  "unreachable",
  "killed",
]);
export const isShared = (error) => SHARED.has(error?.kind);

/** What runs in the project, as its own scripts have written it down. */
const releaseOf = async (home) => {
  const text = await readFile(join(home, ".local/share/opencode-platform/release"), "utf8").catch(() => "");
  return /^[\w.+-]{1,64}$/.exec(text.trim())?.[0];
};

/** @param {{context: import("../context.mjs").Context, config: any, restic: any, repository: any, state: any}} given */
export function makeTake({ context, config, restic, repository, state }) {
  const { paths, partsOf, removeTree, log } = context;

  async function patternsOf(project) {
    const own = (await context.projects()).get(project)?.storage?.exclude ?? [];
    return [...DEFAULT_EXCLUDES, ...ALWAYS, ...(config.exclude ?? []), ...own];
  }

  const note = (project, change) =>
    context.status.update((status) => {
      const backup = status.backup ?? {};
      const projects = { ...backup.projects, [project]: change(backup.projects?.[project] ?? {}) };
      return { ...status, backup: { ...backup, projects } };
    });

  /** restic, from what is staged. @returns {Promise<{id: string, added: number, isWhole: boolean}>} */
  async function send({ project, staged, patterns, parent, tags }, progress) {
    let summary;
    const onLine = (line) => {
      const message = line.startsWith("{") ? JSON.parse(line) : {};
      if (message.message_type === "status")
        progress("transfer", Math.round((message.percent_done ?? 0) * 100));
      if (message.message_type === "summary") summary = message;
    };
    const excludes = forRestic([...patterns, ...staged.excludes], staged.folder);
    const { isWhole } = await restic.run(
      [
        ...[
          "backup",
          "--json",
          "--files-from-raw",
          "-",
          "--host",
          project,
          "--tag",
          tags,
          "--exclude-caches",
        ],
        ...excludes.map((pattern) => `--exclude=${pattern}`),
        ...(parent ? ["--parent", parent] : ["--force"]),
      ],
      {
        doing: `backup of ${project}`,
        cwd: staged.folder,
        input: staged.targets,
        onLine,
        allow: [restic.INCOMPLETE],
      },
    );
    if (!summary?.snapshot_id)
      throw new Told(`backup of ${project}: restic ended without saying what it has made`);
    return { id: summary.snapshot_id.slice(0, 8), added: summary.data_added ?? 0, isWhole };
  }

  /**
   * One project, whose lock the caller has.
   * @param {string} project
   * @param {{reason: string, existing: readonly import("./snapshots.mjs").Backup[]}} how existing: of this project, the oldest first
   */
  async function take(project, { reason, existing }, progress) {
    const parts = await partsOf(project);
    if (parts.length === 0) throw new Told(`${project} has no files on this host`);
    const patterns = await patternsOf(project);
    progress(`looking at ${project}`);
    const { digest, bytes, files } = await fingerprint(parts, patterns);
    const known = (await state.read()).fingerprints?.[project];
    const last = existing.at(-1);
    if (last && known?.id === last.id && known.digest === digest) return { ...last, unchanged: true };
    const folder = join(paths.work(project), "backup");
    await removeTree(folder);
    try {
      progress(`holding ${project} still`);
      const staged = await stage(context, project, folder);
      const home = parts.find(({ name }) => name === "home");
      const release = home && (await releaseOf(home.path));
      const names = parts.map(({ name }) => name).join("+");
      const facts = { project, reason, release, bytes, files, parts: names, moment: staged.moment };
      const tags = tagsOf(facts);
      const { id, added, isWhole } = await send(
        { project, staged, patterns, parent: last?.id, tags },
        progress,
      );
      // On a file system without snapshots, files come and go while they are read.
      if (!isWhole) log(`backup of ${project}: some files could not be read`);
      await state.update((before) => ({
        ...before,
        fingerprints: { ...before.fingerprints, [project]: { id, digest } },
        added: { ...before.added, [id]: added },
        ...(reason === BEFORE_RESTORE ? {} : mineToo(before, project)),
      }));
      const at = context.now().toISOString();
      return backupOf({ id, time: at, tags: tags.split(",") }, { [id]: added });
    } finally {
      await removeTree(folder);
    }
  }

  /** As take, and remembers how it went: `last` is of the moment whose files it has. */
  async function takeAndTell(project, how, progress) {
    try {
      if (how.reason === "schedule") await assertMine(project, how.existing);
      const backup = await take(project, how, progress);
      const last = { ...shown(backup), at: context.now().toISOString() };
      await note(project, () => ({ last }));
      return backup;
    } catch (error) {
      await noteFailure(project, error);
      throw error;
    }
  }

  /**
   * After everything was lost, what a new host has of a project is nothing yet: by itself it must not become the newest backup, which a restore would take.
   */
  async function assertMine(project, existing) {
    if (existing.length === 0 || (await state.read()).mine?.[project]) return;
    throw new Told(
      `${project} has backups from before this host, and was not restored here`,
      `npm run restore -- ${project}; or, to go on with what is here, npm run backup -- ${project}`,
      "foreign",
    );
  }

  const noteFailure = (project, error) =>
    note(project, (before) => ({
      ...before,
      failed: { at: context.now().toISOString(), what: error.message },
    }));

  /** Of one project or all. The repository is made with the first. */
  async function run(projects, reason, progress) {
    const all = await repository.begin();
    const made = [];
    const failures = [];
    for (const [index, project] of projects.entries()) {
      const step = (what, percent) =>
        progress(`${project}: ${what}`, percent ?? Math.round((index / projects.length) * 100));
      const existing = all.filter((backup) => backup.project === project);
      try {
        made.push(
          shown(
            await context.lock(project, "backup", () => takeAndTell(project, { reason, existing }, step)),
          ),
        );
      } catch (error) {
        failures.push([project, error]);
        if (!isShared(error)) continue;
        for (const other of projects.slice(index + 1)) await noteFailure(other, error);
        break;
      }
    }
    return { made, failures };
  }

  return { take: takeAndTell, run, noteFailure };
}
