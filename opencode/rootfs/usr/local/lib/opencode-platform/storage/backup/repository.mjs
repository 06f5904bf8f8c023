// The repository: begun with the first backup, listed, thinned out, looked at.
import { Told } from "./errors.mjs";
import { BEFORE_RESTORE, backupOf, TAG, tagsOf } from "./snapshots.mjs";

const DAY_MS = 86_400_000;
/** So long what a restore has replaced is kept. */
const BEFORE_DAYS = 30;
/** Each weekly check reads one of so many parts of the data, the next one each time. */
export const CHECK_PARTS = 8;

/** @param {{config: any, restic: any, state: any, context: Pick<import("../context.mjs").Context, "now" | "projects" | "partsOf">}} given */
export function makeRepository({ config, restic, state, context }) {
  const { now, projects, partsOf } = context;
  /** @returns all, the oldest first; undefined where there is no repository */
  async function find() {
    try {
      const found = (await restic.json(["snapshots", "--tag", TAG], { doing: "listing backups" })) ?? [];
      const { added } = await state.read();
      return found
        .map((each) => backupOf(each, added))
        .sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
    } catch (error) {
      if (error.kind === "absent") return undefined;
      throw error;
    }
  }

  async function begin() {
    const { begun } = await state.read();
    const found = await find();
    if (!found && begun === config.repository)
      throw new Told(
        "the repository is no longer there",
        config.repository.startsWith("/")
          ? "if it is on a disk that was attached later than the container <prefix>-storage, restart that; else find out who has removed it"
          : "find out who has removed it; to begin a new one, name another path in opencode-platform:backup",
        "absent",
      );
    if (!found)
      await restic.run(["init", "--repository-version", "latest"], { doing: "making the repository" });
    if (begun !== config.repository)
      await state.update(({ fingerprints: _, ...before }) => ({ ...before, begun: config.repository }));
    return found ?? [];
  }

  /** Names that are projects, or have files: whatever is marked as the last of a removed one is history of a project that is there again. */
  async function namesInUse(names) {
    const present = await projects();
    const found = new Set();
    for (const name of names) if (present.has(name) || (await partsOf(name)).length > 0) found.add(name);
    return found;
  }

  /** Those that are to be kept no longer, since the time after their project's removal is over; with all that are older. */
  async function forgetExpired(all) {
    const today = now().toISOString().slice(0, 10);
    const ended = all.filter(({ until }) => until && until < today);
    const inUse = await namesInUse(new Set(ended.map(({ project }) => project)));
    const over = ended.filter(({ project }) => !inUse.has(project));
    const ids = all
      .filter(({ project, at }) => over.some((last) => last.project === project && at <= last.at))
      .map(({ id }) => id);
    if (ids.length > 0)
      await restic.run(["forget", ...ids], { doing: "removing backups of removed projects" });
  }

  /** What a restore has replaced is kept for a time, whatever else there is of its day. */
  async function forgetReplaced(all) {
    const oldest = new Date(now().getTime() - BEFORE_DAYS * DAY_MS).toISOString();
    const ids = all
      .filter(({ reason, at, until }) => reason === BEFORE_RESTORE && at < oldest && !until)
      .map(({ id }) => id);
    if (ids.length > 0)
      await restic.run(["forget", ...ids], { doing: "removing backups from before old restores" });
  }

  /** Removes what `keep` does not keep, of each project by itself; the room it took is free after the next weekly check. */
  async function thin() {
    const { daily, weekly, monthly } = config.keep;
    const kept = Object.entries({ daily, weekly, monthly }).flatMap(([key, count]) =>
      count > 0 ? [`--keep-${key}`, String(count)] : [],
    );
    const all = (await find()) ?? [];
    await forgetExpired(all);
    await forgetReplaced(all);
    const words = [
      "forget",
      "--tag",
      TAG,
      "--group-by",
      "host",
      "--keep-last",
      "1",
      "--keep-tag",
      "kept",
      "--keep-tag",
      `reason:${BEFORE_RESTORE}`,
      ...kept,
    ];
    await restic.run(words, { doing: "removing old backups" });
  }

  return {
    find,
    begin,
    thin,
    /**
     * A project's last backup, to be kept until a day. Those before it are kept until then, too.
     * @returns the backup, which has another id for that
     */
    async keepUntil(last, days) {
      const until = new Date(now().getTime() + days * DAY_MS).toISOString().slice(0, 10);
      const tags = tagsOf({ until }).split(",");
      await restic.run(["tag", ...["kept", ...tags].flatMap((tag) => ["--add", tag]), last.id], {
        doing: "marking the last backup",
      });
      const marked = ((await find()) ?? []).findLast(
        ({ project, at }) => project === last.project && at === last.at,
      );
      if (!marked) throw new Told(`the last backup of ${last.project} is gone after it was marked`);
      await state.update((before) => ({
        ...before,
        added: { ...before.added, ...(last.added !== null && { [marked.id]: last.added }) },
      }));
      return { ...marked, added: last.added, until };
    },
    /** Removes what is no longer kept, frees its room, then reads everything that says what there is, and a part of the data. */
    async check(progress) {
      const { part = 0 } = await state.read();
      const next = (part % CHECK_PARTS) + 1;
      progress("removing old backups");
      await thin();
      progress("removing what is no longer needed");
      await restic.run(["prune", "--max-unused", "10%"], { doing: "freeing room" });
      progress("reading");
      await restic.run(["check", `--read-data-subset=${next}/${CHECK_PARTS}`], { doing: "check" });
      await state.update((before) => ({ ...before, part: next }));
      return `all that is listed is there; part ${next} of ${CHECK_PARTS} of the data was read and is whole`;
    },
  };
}
