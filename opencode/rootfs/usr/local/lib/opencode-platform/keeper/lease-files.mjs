// Leases on disk, where the next keeper finds them: a file for each project.
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

/**
 * @typedef {"awake" | "asleep" | "stopped" | "waiting"} Was
 * @typedef {"hold" | "park" | "release" | "unpark" | "renewal"} Kind of a transition
 * @typedef {{kind: "hold" | "park", seconds: number, was: Was, own?: string, address?: string, services: string[], isGranted: boolean}} Written
 *   a lease on disk: `own` is the id of the project's container, absent where nothing is done to that, `services` those of its services that ran
 * @typedef {Written & {until: number, problem?: string, over: PromiseWithResolvers<void>}} Lease in memory: until when, by the clock that is never set
 */

const ENDING = ".json";
const PROJECT = /^[a-z][a-z0-9-]{0,62}$/;
const WAS = ["awake", "asleep", "stopped", "waiting"];
const isText = (value) => typeof value === "string";

/** What is no lease is none: whoever else has the folder may write in it. */
function read(text) {
  const value = JSON.parse(text);
  const { kind, was, seconds, own, address, services, isGranted } = value ?? {};
  if (!["hold", "park"].includes(kind) || !WAS.includes(was)) return undefined;
  if (!Number.isInteger(seconds) || seconds < 1 || seconds > 600) return undefined;
  if (
    !Array.isArray(services) ||
    !services.every(isText) ||
    ![own, address].every((each) => each === undefined || isText(each))
  )
    return undefined;
  return { kind, was, seconds, own, address, services, isGranted: isGranted === true };
}

/** @param {string} folder it is made with the first lease; empty for none */
export const leaseFiles = (folder) => ({
  /** @returns {Promise<Map<string, Written>>} by project */
  async leases() {
    const files = folder ? await readdir(folder).catch(() => []) : [];
    const found = new Map();
    for (const file of files.filter((each) => each.endsWith(ENDING))) {
      const project = file.slice(0, -ENDING.length);
      const lease = await readFile(join(folder, file), "utf8")
        .then(read)
        .catch(() => undefined);
      if (lease && PROJECT.test(project)) found.set(project, lease);
    }
    return found;
  },
  /** Renamed, so that no half of it is found; made anew, so that it is written through no link. */
  async lease(project, value) {
    const file = join(folder, `${project}${ENDING}`);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await rm(`${file}.new`, { force: true, recursive: true });
    await writeFile(`${file}.new`, `${JSON.stringify(value)}\n`, { mode: 0o600, flag: "wx" });
    await rename(`${file}.new`, file);
  },
  unlease: (project) => rm(join(folder, `${project}${ENDING}`), { force: true }),
});
