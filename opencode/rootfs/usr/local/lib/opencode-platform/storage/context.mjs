// What the parts of the storage program have in common.
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { makeSubvolumes } from "./btrfs.mjs";
import { makeJournals } from "./journal.mjs";
import { makeKeeper } from "./keeper.mjs";
import { makeLives } from "./lives.mjs";
import { makeLocks } from "./locks.mjs";
import { makeMachine } from "./machine.mjs";
import { makeParts } from "./parts.mjs";
import { makePaths, PROJECTS_DIR } from "./paths.mjs";
import { makeReplace } from "./replace.mjs";
import { makeStatus } from "./status.mjs";

/**
 * What updates have written of each project. A file that is no such thing is skipped.
 * @returns {Promise<Map<string, Record<string, any>>>}
 */
export async function readProjects(folder = PROJECTS_DIR) {
  const files = (await readdir(folder)).filter((file) => file.endsWith(".json"));
  const configs = await Promise.all(
    files.map(async (file) => {
      try {
        return JSON.parse(await readFile(join(folder, file), "utf8"));
      } catch {
        return undefined; // it has just gone
      }
    }),
  );
  return new Map(configs.flatMap((config) => (config?.project ? [[config.project, config]] : [])));
}

/** @typedef {ReturnType<typeof makeContext>} Context */

/**
 * @param {{root?: string, projectsDir?: string, machine?: import("./machine.mjs").Machine, log?: (line: string) => void, now?: () => Date}} [options]
 */
export function makeContext({
  root,
  projectsDir,
  machine = makeMachine(),
  log = (line) => console.log(line),
  now = () => new Date(),
} = {}) {
  const paths = makePaths(root);
  const projects = () => readProjects(projectsDir);
  const subvolumes = makeSubvolumes(machine);
  const parts = makeParts({ paths, machine, subvolumes });
  const keeper = makeKeeper({ machine, log });
  const journals = makeJournals({ paths, machine });
  const locks = makeLocks(now, journals.isHalfDone);
  const lives = makeLives({ paths, machine, subvolumes });
  const replacing = makeReplace({
    ...{ paths, machine, parts, subvolumes, keeper, locks, journals, lives, projects, log, now },
  });
  return {
    paths,
    machine,
    subvolumes,
    projects,
    log,
    now,
    /** @see makeParts */
    partsOf: parts.partsOf,
    partsIn: parts.partsIn,
    subvolumesOf: parts.subvolumesOf,
    copyParts: (project, folder, options) => parts.copyParts(project, folder, options),
    copyAll: (found, folder, options) => parts.copyAll(found, folder, options),
    removeTree: parts.removeTree,
    own: parts.own,
    /** @see makeKeeper. One that the keeper does not know has no container. */
    frozen: async (project, work) =>
      (await projects()).has(project) ? keeper.frozen(project, work) : work("stopped"),
    parked: keeper.parked,
    releaseAll: keeper.releaseAll,
    /** @see makeLives */
    lives,
    /** @see makeReplace */
    replace: replacing.replace,
    recover: replacing.recover,
    unfinished: replacing.unfinished,
    /** @see makeLocks */
    lock: locks.lock,
    running: locks.running,
    status: makeStatus({ paths, machine }),
  };
}
