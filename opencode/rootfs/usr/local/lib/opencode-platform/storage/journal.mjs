// What is being replaced, written down before it is begun: whoever starts next knows what was there.
import { readdir, readFile } from "node:fs/promises";
import { isThere } from "./btrfs.mjs";

/**
 * @typedef {{name: string, wasThere: boolean, was?: string, ready?: string}} Part with what the files are known by (forsaken.mjs), as `mark` is of `aside`
 * @typedef {{project: string, reason: string, at: string, prepared: string, aside: string, parts: Part[], mark?: string,
 *   step: "swapping" | "done" | "undone"}} Entry `done`, `undone`: the project has all that is new, or all that was there; what is left of the other may go
 * @param {{paths: import("./paths.mjs").Paths, machine: import("./machine.mjs").Machine}} given
 */
export const makeJournals = ({ paths, machine }) => ({
  /** @param {Entry} entry */
  write: (entry) => machine.write(paths.journal(entry.project), `${JSON.stringify(entry)}\n`),
  /** @param {string} project */
  remove: (project) => machine.remove(paths.journal(project)),
  /** Whether a project has parts of both. @param {string} project */
  async isHalfDone(project) {
    const path = paths.journal(project);
    return (await isThere(path)) && JSON.parse(await readFile(path, "utf8")).step === "swapping";
  },
  /** @returns {Promise<Entry[]>} */
  async all() {
    const files = (await readdir(paths.journals)).filter((file) => file.endsWith(".json"));
    return Promise.all(
      files.map(async (file) => JSON.parse(await readFile(paths.journal(file.slice(0, -5)), "utf8"))),
    );
  },
});
