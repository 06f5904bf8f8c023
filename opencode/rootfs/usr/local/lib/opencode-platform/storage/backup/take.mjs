// Takes backups of projects, one after the other.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { Told } from "./errors.mjs";
import { ALWAYS, DEFAULT_EXCLUDES, forRestic } from "./excludes.mjs";
import { fingerprint } from "./fingerprint.mjs";
import { BEFORE_RESTORE, backupOf, hostOf, mineToo, shown, shownAll, tagsOf } from "./snapshots.mjs";
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

/** Of the files that could not be read, so many are named. */
const NAMED = 3;

/** Those files, as restic names them while it writes JSON. @param {string} errors @param {string} folder what was staged */
function unreadIn(errors, folder) {
  const items = errors.split("\n").flatMap((line) => {
    const message = line.startsWith("{") ? parse(line) : {};
    return message.message_type === "error" && message.item ? [String(message.item)] : [];
  });
  const paths = [...new Set(items)].map((item) => item.replace(`${folder}/`, ""));
  return paths.length > 0 ? `: ${paths.slice(0, NAMED).join(", ")}${paths.length > NAMED ? ", …" : ""}` : "";
}

function parse(line) {
  try {
    return JSON.parse(line);
  } catch {
    return {};
  }
}

/** @param {{context: import("../context.mjs").Context, config: any, restic: any, repository: any, state: any, memory: any}} given */
export function makeTake({ context, config, restic, repository, state, memory }) {
  const { paths, partsOf, removeTree, log, lives } = context;
  const { note } = memory;
  // A timer is a droplet's, whose stack has to be named.
  const stackFlag = config.schedule === "timer" ? " --stack <stack>" : "";

  async function patternsOf(project) {
    const own = (await memory.storageOf(project)).exclude ?? [];
    return [...DEFAULT_EXCLUDES, ...ALWAYS, ...(config.exclude ?? []), ...own];
  }

  /** restic, from what is staged. @returns {Promise<{id: string, added: number, unread?: string}>} unread: which files, if there are any */
  async function send({ project, host, staged, patterns, parent, tags }, progress) {
    let summary;
    const onLine = (line) => {
      const message = line.startsWith("{") ? JSON.parse(line) : {};
      if (message.message_type === "status")
        progress("transfer", Math.round((message.percent_done ?? 0) * 100));
      if (message.message_type === "summary") summary = message;
    };
    const excludes = forRestic([...patterns, ...staged.excludes], staged.folder);
    const { isWhole, errors } = await restic.run(
      [
        ...["backup", "--json", "--files-from-raw", "-", "--host", host, "--tag", tags, "--exclude-caches"],
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
    return {
      id: summary.snapshot_id.slice(0, 8),
      added: summary.data_added ?? 0,
      ...(!isWhole && { unread: unreadIn(errors, staged.folder) }),
    };
  }

  /**
   * One project, whose lock the caller has.
   * @param {string} project
   * @param {{reason: string, existing: readonly ReturnType<typeof backupOf>[]}} how existing: of this project, the oldest first
   * @returns {Promise<{backup: ReturnType<typeof backupOf>, problem?: string}>}
   */
  async function take(project, { reason, existing }, progress) {
    const parts = await partsOf(project);
    if (parts.length === 0) throw new Told(`${project} has no files on this host`);
    const patterns = await patternsOf(project);
    progress(`looking at ${project}`);
    const { digest, bytes, files } = await fingerprint(parts, patterns);
    const known = (await state.read()).fingerprints?.[project];
    const last = existing.at(-1);
    const life = await lives.of(project);
    const isAsLast = last && known?.id === last.id && known.digest === digest && last.life === life;
    // What a restore puts away first is not kept as long as others are.
    if (isAsLast && (last.reason !== BEFORE_RESTORE || reason === BEFORE_RESTORE))
      return { backup: { ...last, unchanged: true } };
    const folder = join(paths.work(project), "backup");
    await removeTree(folder);
    try {
      progress(`holding ${project} still`);
      const staged = await stage(context, project, folder);
      const home = parts.find(({ name }) => name === "home");
      const release = home && (await releaseOf(home.path));
      const names = parts.map(({ name }) => name).join("+");
      const { moment } = staged;
      const tags = tagsOf({ project, reason, release, bytes, files, parts: names, moment, life });
      const host = hostOf(project, reason);
      const sent = { project, host, staged, patterns, parent: last?.id, tags };
      const { id, added, unread } = await send(sent, progress);
      if (unread !== undefined) log(`backup of ${project}: some files could not be read${unread}`);
      const times = unread === undefined ? 0 : 1 + ((await state.read()).unread?.[project] ?? 0);
      await state.update((before) => ({
        ...before,
        // One that is not whole is no reason to take none as long as nothing changes.
        fingerprints: { ...before.fingerprints, [project]: times > 0 ? undefined : { id, digest } },
        unread: { ...before.unread, [project]: times || undefined },
        added: { ...before.added, [id]: added },
        ...(reason === BEFORE_RESTORE ? {} : mineToo(before, project)),
      }));
      const at = context.now().toISOString();
      // Without snapshots, files come and go while they are read: once is no problem.
      const isProblem = times > 0 && (moment === "one" || times > 1);
      return {
        backup: backupOf({ id, time: at, tags: tags.split(",") }, { [id]: added }),
        ...(isProblem && { problem: `some files could not be read, and are not in it${unread}` }),
      };
    } finally {
      await removeTree(folder);
    }
  }

  /** As take, and remembers how it went: `last` is of the moment whose files it has. */
  async function takeAndTell(project, how, progress) {
    try {
      if (how.reason === "schedule") await assertMine(project, how.existing);
      const { backup, problem } = await take(project, how, progress);
      const at = context.now().toISOString();
      const last = { ...shown(backup), at };
      await note(project, ({ since }) => ({
        ...(since && { since }),
        last,
        ...(problem && { failed: { at, what: problem } }),
      }));
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
      `npm run restore -- ${project}${stackFlag}; or, to go on with what is here, npm run backup -- ${project}${stackFlag}`,
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
          await context.lock(project, "backup", () => takeAndTell(project, { reason, existing }, step)),
        );
      } catch (error) {
        failures.push([project, error]);
        if (!isShared(error)) continue;
        for (const other of projects.slice(index + 1)) await noteFailure(other, error);
        break;
      }
    }
    return { made: await shownAll(context, made), failures };
  }

  return { take: takeAndTell, run, noteFailure };
}
