// What is remembered from one start to the next, for whoever asks how things are: one file, replaced as a whole.
import { readFile } from "node:fs/promises";

/**
 * What is known of the backups, of one that was never made too: where they go and how often is what is set now, whatever was remembered. Pure.
 * @param {{to: string, everyMs: number}} config @param {Record<string, any>} status
 */
export const backupStatus = ({ to, everyMs }, { backup }) => ({ projects: {}, ...backup, to, everyMs });

/** @param {Pick<import("./machine.mjs").Machine, "write">} machine @param {string} path */
export function makeMemo(machine, path) {
  let last = Promise.resolve();
  /** An empty object if there is none, or half of one. */
  const read = async () => {
    try {
      return JSON.parse(await readFile(path, "utf8"));
    } catch {
      return {};
    }
  };
  return {
    /** @returns {Promise<Record<string, any>>} */
    read,
    /** One after the other. @param {(status: Record<string, any>) => Record<string, any>} change */
    update(change) {
      const next = last.then(async () => machine.write(path, `${JSON.stringify(change(await read()))}\n`));
      last = next.catch(() => {});
      return next;
    },
  };
}

/** How things are. @param {{paths: import("./paths.mjs").Paths, machine: import("./machine.mjs").Machine}} given */
export const makeStatus = ({ paths, machine }) => makeMemo(machine, paths.status);
