// All that the storage program does to the machine, one step at a time: a test ends it between any two of them.
import { execFile } from "node:child_process";
import { mkdir, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { promisify } from "node:util";
import { askKeeper } from "../keeper-client.mjs";
import { KEEPER_SOCKET } from "./paths.mjs";

const exec = promisify(execFile);

/** @typedef {ReturnType<typeof makeMachine>} Machine */

/** What is renamed or written is there after a power cut, too. */
async function syncFolder(path) {
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** @param {string} [socket] the keeper's */
export function makeMachine(socket = KEEPER_SOCKET) {
  return {
    /** @param {string} program @param {readonly string[]} args @returns {Promise<string>} what it prints */
    async run(program, args) {
      try {
        return (await exec(program, [...args], { maxBuffer: 64 * 2 ** 20, env: { PATH, LC_ALL: "C" } }))
          .stdout;
      } catch (error) {
        const said = String(error.stderr ?? "")
          .trim()
          .split("\n")
          .at(-1);
        throw new Error(`${program} ${args[0] ?? ""}: ${said || error.message}`, { cause: error });
      }
    },
    makeDirectory: (path, mode = 0o700) => mkdir(path, { recursive: true, mode }),
    async rename(from, to) {
      await rename(from, to);
      await syncFolder(dirname(to));
      if (dirname(from) !== dirname(to)) await syncFolder(dirname(from));
    },
    /** The whole file or nothing. A link that somebody has put there is replaced, not followed. @param {{uid: number, gid: number, mode: number}} [like] */
    async write(path, text, like) {
      await rm(`${path}.new`, { force: true });
      const file = await open(`${path}.new`, "wx", 0o600);
      try {
        await file.writeFile(text);
        if (like) {
          await file.chown(like.uid, like.gid);
          await file.chmod(like.mode & 0o777);
        }
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(`${path}.new`, path);
      await syncFolder(dirname(path));
    },
    /** A file, or a folder without a subvolume in it. */
    remove: (path) => rm(path, { recursive: true, force: true }),
    /** @type {ReturnType<typeof askKeeper>} */
    ask: askKeeper(socket),
    wait: (ms) => wait(ms),
  };
}

const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
