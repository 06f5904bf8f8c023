// The backups in the repository. What is known of one is in its tags, so that a repository alone is enough after everything else is lost.
import { Told } from "./errors.mjs";

/** Every snapshot of the platform's has it; a person's own in the same repository are left alone. */
export const TAG = "opencode-platform";

/**
 * @typedef {object} Backup
 * @property {string} id
 * @property {string} project
 * @property {string} at ISO 8601
 * @property {number | null} bytes of all files in it
 * @property {number | null} added what it has taken in the repository; known on the host that has made it alone
 * @property {string | null} release of opencode
 * @property {string} reason
 * @property {string} [until] kept until that day, since its project was removed
 * @property {boolean} [unchanged] nothing had changed, so there is no new one
 */

/** @param {Record<string, string | number | undefined>} facts */
export const tagsOf = (facts) =>
  [
    TAG,
    ...Object.entries(facts).flatMap(([key, value]) => (value === undefined ? [] : [`${key}:${value}`])),
  ].join(",");

const factsOf = (tags) =>
  Object.fromEntries(
    tags.flatMap((tag) => {
      const at = tag.indexOf(":");
      return at < 0 ? [] : [[tag.slice(0, at), tag.slice(at + 1)]];
    }),
  );

const numberOf = (text) => (text === undefined || !/^\d+$/.test(text) ? null : Number(text));

/** @returns {Backup & {parts: string[], moment: string}} */
export function backupOf({ id, time, tags = [] }, added = {}) {
  const facts = factsOf(tags);
  return {
    id: id.slice(0, 8),
    project: facts.project ?? "",
    at: new Date(time).toISOString(),
    bytes: numberOf(facts.bytes),
    added: added[id.slice(0, 8)] ?? null,
    release: facts.release ?? null,
    reason: facts.reason ?? "",
    ...(facts.until && { until: facts.until }),
    parts: (facts.parts ?? "workspace+home").split("+"),
    moment: facts.moment ?? "one",
  };
}

/** What this host knows as its own: it has backed the project up because somebody asked, or restored it. */
export const mineToo = (before, project) => ({ mine: { ...before.mine, [project]: true } });

/** Why a backup is made that a restore takes first. */
export const BEFORE_RESTORE = "before-restore";

/** What others see of one. @returns {Backup} */
export const shown = ({ parts: _parts, moment: _moment, ...backup }) => backup;

/**
 * One of a project's backups.
 * @param {readonly Backup[]} backups the oldest first
 * @param {string} at `latest` (what a restore has put away first is none), an id or the beginning of one, or a time: the newest that is not after it
 */
export function pick(backups, at, project) {
  if (backups.length === 0)
    throw new Told(`${project} has no backup`, "`backups` without a project lists all that there are");
  if (at === "latest") return backups.findLast(({ reason }) => reason !== BEFORE_RESTORE) ?? backups.at(-1);
  if (/^[0-9a-f]{4,64}$/.test(at)) {
    const found = backups.filter(({ id }) => at.startsWith(id) || id.startsWith(at));
    if (found.length === 1) return found[0];
    if (found.length > 1)
      throw new Told(`${at} is the beginning of several backups of ${project}`, "write more of it");
  }
  const time = /^\d{4}-\d{2}-\d{2}/.test(at) ? Date.parse(at) : Number.NaN;
  if (Number.isNaN(time))
    throw new Told(
      `${project} has no backup ${at}`,
      `its newest is ${backups.at(-1)?.id}; \`backups\` lists all`,
    );
  const found = backups.findLast((backup) => Date.parse(backup.at) <= time);
  if (!found)
    throw new Told(`${project} has no backup from before ${at}`, `its oldest is of ${backups[0]?.at}`);
  return found;
}
