// When a container's memory runs out, the kernel ends the process with the highest score, which is what it uses and what is added here: for whatever
// the server has started, half of the limit. So as long as the server itself has less than three quarters of the memory, the tool that ate it ends, or
// a language server, and the session goes on. Bash does it for itself (`without-password`), before anything else; this is for all the others.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";

/** In thousandths of the limit. Anybody can raise it for one's own processes, and what these start has the same. */
export const SCORE = 500;
const INTERVAL_MS = 1000;

/**
 * Raises the scores of a process's descendants, those that have not been seen yet.
 * @param {number} server its id
 * @param {Set<string>} seen ids and start times; changed here
 */
export function raise(server, seen, proc = "/proc") {
  const found = new Map();
  for (const name of readdirSync(proc)) {
    if (!/^\d+$/.test(name)) continue;
    const process = read(proc, name);
    if (process) found.set(Number(name), process);
  }
  const descends = (process) => {
    for (let steps = 0; process && steps < 64; steps++) {
      if (process.parent === server) return true;
      process = found.get(process.parent);
    }
    return false;
  };
  const now = new Set();
  for (const [id, process] of found) {
    const key = `${id} ${process.started}`;
    now.add(key);
    if (!seen.has(key) && descends(process)) set(`${proc}/${id}/oom_score_adj`);
  }
  for (const key of seen) if (!now.has(key)) seen.delete(key);
  for (const key of now) seen.add(key);
}

/** Its parent and when it was started; undefined where it has just ended. */
function read(proc, id) {
  try {
    // Its name is in parentheses, and may have some itself.
    const fields = readFileSync(`${proc}/${id}/stat`, "utf8")
      .replace(/^.*\) /s, "")
      .split(" ");
    return { parent: Number(fields[1]), started: fields[19] };
  } catch {
    return undefined;
  }
}

function set(file) {
  try {
    if (Number(readFileSync(file, "utf8")) < SCORE) writeFileSync(file, String(SCORE));
  } catch {
    // It has ended, or is another user's.
  }
}

/** Looks each second, for as long as the process lives. */
export function raiseForEver(server) {
  const seen = new Set();
  const look = () => {
    try {
      raise(server, seen);
    } catch {
      // The next look finds what this one has missed.
    }
  };
  return setInterval(look, INTERVAL_MS).unref();
}
