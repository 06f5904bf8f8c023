// Where the storage program has things: the same as config/naming/names.ts, which a test compares.
import { join } from "node:path";

/** A project's parts, in the order in which they are moved. */
export const PARTS = ["workspace", "home", "services"];

/** @typedef {ReturnType<typeof makePaths>} Paths */

/** @param {string} root the directory of the workspaces */
export function makePaths(root = "/workspaces") {
  const own = join(root, ".storage");
  return {
    root,
    /** All that is below it is the storage program's, and root's. */
    own,
    /** @param {string} project @param {string} part */
    part: (project, part) =>
      ({
        workspace: join(root, project),
        home: join(root, ".data", project),
        services: join(root, ".services", project),
      })[part] ?? "",
    checkpoints: (project) => join(own, "checkpoints", project),
    /** What is prepared, and what is unfinished: without a journal that names it, it may go. */
    works: join(own, "work"),
    work: (project) => join(own, "work", project),
    journals: join(own, "journal"),
    journal: (project) => join(own, "journal", `${project}.json`),
    /** Which project's the files of a name are, of those that have had the name. */
    allLives: join(own, "lives"),
    lives: (project) => join(own, "lives", `${project}.json`),
    status: join(own, "status.json"),
    cache: join(own, "cache"),
  };
}

/** The files of the projects, which updates write; and the file of the backups' settings. */
export const PROJECTS_DIR = "/run/storage/projects";
export const BACKUP_CONFIG = "/run/storage/backup/config.json";
/** The keeper's socket for this program, and this program's own, for `ask`. */
export const KEEPER_SOCKET = "/run/keeper/storage/socket";
export const OWN_SOCKET = "/run/storage-own/socket";
