// Whether what was restored is whole: every file that the backup lists is there, of its size; and opencode's database is in order.

import { existsSync, lstatSync } from "node:fs";
import { join } from "node:path";
import { Told } from "./errors.mjs";
import { DATABASE } from "./excludes.mjs";

/** Of the files that are named in an error. */
const NAMED = 3;

/**
 * Compares a folder with the listing of a backup, line by line: a listing may be longer than there is memory.
 * @param {ReturnType<import("./restic.mjs").makeRestic>} restic
 * @param {string} id
 * @param {string} folder
 * @returns {Promise<{files: number, bytes: number}>}
 */
export async function compare(restic, id, folder) {
  let [files, bytes, wrong] = [0, 0, 0];
  const named = [];
  const onLine = (line) => {
    const node = line.startsWith("{") ? JSON.parse(line) : {};
    if (node.struct_type !== "node" || node.type !== "file") return;
    const { path, size = 0 } = node;
    files += 1;
    if (isAs(join(folder, path), size)) bytes += size;
    else if (++wrong <= NAMED) named.push(path);
  };
  await restic.run(["ls", id, "--json"], { doing: "listing the backup", onLine });
  if (wrong > 0)
    throw new Told(
      `${wrong} of ${files} files are not as in the backup: ${named.join(", ")}${wrong > NAMED ? ", …" : ""}`,
      "run `check`, and take another backup of the list",
    );
  return { files, bytes };
}

/** Whether a path is a file of that size. */
function isAs(path, size) {
  try {
    const found = lstatSync(path);
    return found.isFile() && found.size === size;
  } catch {
    return false;
  }
}

/**
 * Opens opencode's database as opencode does: what was not yet in its main file is taken in.
 * @param {string} home
 * @returns {Promise<{sessions?: number}>} nothing where there is none
 */
export async function checkDatabase(home) {
  const path = join(home, DATABASE, "opencode.db");
  if (!existsSync(path)) return {};
  const { DatabaseSync } = await import("node:sqlite");
  let database;
  try {
    database = new DatabaseSync(path);
    const [{ integrity_check: said } = {}] = database.prepare("PRAGMA integrity_check").all();
    if (said !== "ok") throw new Error(String(said));
    const tables = database
      .prepare("SELECT name FROM sqlite_master WHERE type = 'table' AND name = 'session'")
      .all();
    if (tables.length === 0) return {};
    const { count } = database.prepare("SELECT count(*) AS count FROM session").get() ?? {};
    return { sessions: Number(count) };
  } catch (error) {
    throw new Told(
      `opencode's database in the backup is not in order: ${error.message}`,
      "take an older backup: `backups` lists them",
    );
  } finally {
    database?.close();
  }
}
