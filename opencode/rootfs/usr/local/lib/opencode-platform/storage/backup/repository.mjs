// The repository: begun with the first backup, listed, thinned out, looked at.
import { Told } from "./errors.mjs";
import { backupOf, TAG, tagsOf } from "./snapshots.mjs";

const DAY_MS = 86_400_000;
/** Each weekly check reads one of so many parts of the data, the next one each time. */
export const CHECK_PARTS = 8;

/** @param {{config: any, restic: any, state: any, now: () => Date}} given */
export function makeRepository({ config, restic, state, now }) {
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
        "find out who has removed it; to begin a new one, name another path in opencode-platform:backup",
        "absent",
      );
    if (!found)
      await restic.run(["init", "--repository-version", "latest"], { doing: "making the repository" });
    if (begun !== config.repository)
      await state.update(({ fingerprints: _, ...before }) => ({ ...before, begun: config.repository }));
    return found ?? [];
  }

  /** Those that are to be kept no longer, since the time after their project's removal is over; with all that are older. */
  async function forgetExpired(all) {
    const today = now().toISOString().slice(0, 10);
    const over = all.filter(({ until }) => until && until < today);
    const ids = all
      .filter(({ project, at }) => over.some((last) => last.project === project && at <= last.at))
      .map(({ id }) => id);
    if (ids.length > 0)
      await restic.run(["forget", ...ids], { doing: "removing backups of removed projects" });
  }

  return {
    find,
    begin,
    /** Removes what `keep` does not keep, of each project by itself; the room it took is free after the next weekly check. */
    async thin() {
      const { daily, weekly, monthly } = config.keep;
      const kept = Object.entries({ daily, weekly, monthly }).flatMap(([key, count]) =>
        count > 0 ? [`--keep-${key}`, String(count)] : [],
      );
      await forgetExpired((await find()) ?? []);
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
        ...kept,
      ];
      await restic.run(words, { doing: "removing old backups" });
    },
    /** A project's last backup, to be kept until a day. Those before it are kept until then, too. */
    async keepUntil(id, days) {
      const until = new Date(now().getTime() + days * DAY_MS).toISOString().slice(0, 10);
      const tags = tagsOf({ until }).split(",");
      await restic.run(["tag", ...["kept", ...tags].flatMap((tag) => ["--add", tag]), id], {
        doing: "marking the last backup",
      });
      return until;
    },
    /** Frees what nothing needs, then reads everything that says what there is, and a part of the data. */
    async check(progress) {
      const { part = 0 } = await state.read();
      const next = (part % CHECK_PARTS) + 1;
      progress("removing what is no longer needed");
      await restic.run(["prune", "--max-unused", "10%"], { doing: "freeing room" });
      progress("reading");
      await restic.run(["check", `--read-data-subset=${next}/${CHECK_PARTS}`], { doing: "check" });
      await state.update((before) => ({ ...before, part: next }));
      return `all that is listed is there; part ${next} of ${CHECK_PARTS} of the data was read and is whole`;
    },
  };
}
