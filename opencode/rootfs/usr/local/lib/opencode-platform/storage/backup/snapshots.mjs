// The backups in the repository. What is known of one is in its tags, so that a repository alone is enough after everything else is lost.
import { isProject } from "../verbs.mjs";
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
 * @property {true} [isEarlier] it is not of the files that are there under the name now: people who have the name today may not have been those of then
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

/** @returns {Backup & {parts: string[], moment: string, life?: string}} */
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
    ...(facts.life && { life: facts.life }),
  };
}

/** What this host knows as its own: it has backed the project up because somebody asked, or restored it. */
export const mineToo = (before, project) => ({ mine: { ...before.mine, [project]: true } });

/** Why a backup is made that a restore takes first. */
export const BEFORE_RESTORE = "before-restore";

/** Of one of those another host than the project's: what is kept of a day is chosen among those of one host. No project has a dot in its name. */
export const hostOf = (project, reason) =>
  reason === BEFORE_RESTORE ? `${project}.${BEFORE_RESTORE}` : project;

/** What others see of one. @returns {Backup} */
export const shown = ({ parts: _parts, moment: _moment, life: _life, ...backup }) => backup;

/**
 * The same of several, with which are of an earlier life of their project's name. Where nothing is there, all are, and those without a life as well.
 * @param {Pick<import("../context.mjs").Context, "lives">} context
 * @param {readonly ReturnType<typeof backupOf>[]} backups
 * @returns {Promise<Backup[]>}
 */
export async function shownAll({ lives }, backups) {
  const present = new Map();
  for (const project of new Set(backups.map((each) => each.project)))
    present.set(project, new Set(isProject(project) ? await lives.all(project) : []));
  return backups.map((backup) => ({
    ...shown(backup),
    ...(present.get(backup.project)?.has(backup.life) ? {} : { isEarlier: true }),
  }));
}

/** Of a day alone, its end: whoever writes one means what was there then. In UTC. */
const timeOf = (at) => (/^\d{4}-\d{2}-\d{2}$/.test(at) ? Date.parse(`${at}T23:59:59.999Z`) : Date.parse(at));

/**
 * One of a project's backups.
 * @param {readonly Backup[]} backups the oldest first
 * @param {string} at `latest` (what a restore has put away first is none), an id or the beginning of one, or a time or day: the newest that is not after it
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
  const time = /^\d{4}-\d{2}-\d{2}/.test(at) ? timeOf(at) : Number.NaN;
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
