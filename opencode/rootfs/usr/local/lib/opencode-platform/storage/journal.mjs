// What is being replaced, written down before it is begun: whoever starts next knows what was there.
import { readdir, readFile } from "node:fs/promises";

/**
 * @typedef {{project: string, reason: string, at: string, prepared: string, aside: string, parts: {name: string, wasThere: boolean}[], isKept: boolean,
 *   step: "swapping" | "done"}} Entry `isKept`: the keeper knows the project, and stops it meanwhile
 * @param {{paths: import("./paths.mjs").Paths, machine: import("./machine.mjs").Machine}} given
 */
export const makeJournals = ({ paths, machine }) => ({
  /** @param {Entry} entry */
  write: (entry) => machine.write(paths.journal(entry.project), `${JSON.stringify(entry)}\n`),
  /** @param {string} project */
  remove: (project) => machine.remove(paths.journal(project)),
  /** @returns {Promise<Entry[]>} */
  async all() {
    const files = (await readdir(paths.journals)).filter((file) => file.endsWith(".json"));
    return Promise.all(
      files.map(async (file) => JSON.parse(await readFile(paths.journal(file.slice(0, -5)), "utf8"))),
    );
  },
});
