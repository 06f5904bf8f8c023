// Whether the container moves data over connections of its own: a download, a clone, an upload. What others ask of it is none: an open tab, its event
// stream, health checks.
//
// The kernel counts bytes per interface alone, so two things have to be: a connection that was opened from here, and more bytes in a minute than what looks at
// the project from outside. An open tab of either major moves about 10 KB a minute (six polls of 1 KB with their headers, and heartbeats), the keeper and doctor less.
import { readFileSync } from "node:fs";

/** Bytes in a minute, both ways; 8.7 kB/s. Slower transfers don't count. */
export const LEAST_BYTES = 512 * 1024;
const WINDOW_MS = 60_000;
/** Between two looks. */
const LOOK_MS = 15_000;

const LISTENING = "0A";
const ESTABLISHED = "01";
/** An IPv6 address that is an IPv4 one, as the kernel writes it. */
const MAPPED = "0000000000000000FFFF0000";

const isLoopback = (hex) =>
  hex.length === 8
    ? hex.endsWith("7F")
    : hex === "00000000000000000000000001000000" || (hex.startsWith(MAPPED) && hex.endsWith("7F"));

function connections(proc) {
  return ["tcp", "tcp6"].flatMap((name) => {
    try {
      const [, ...lines] = readFileSync(`${proc}/net/${name}`, "utf8").trim().split("\n");
      return lines.map((line) => {
        const [, local = "", remote = "", state] = line.trim().split(/\s+/);
        return { port: local.split(":")[1], remote: remote.split(":")[0], state };
      });
    } catch {
      return []; // without IPv6
    }
  });
}

/** Whether a connection is open that was opened from here, to somewhere else. */
export function hasOutgoing(proc = "/proc") {
  const all = connections(proc);
  const served = new Set(all.filter(({ state }) => state === LISTENING).map(({ port }) => port));
  return all.some(
    ({ port, remote, state }) => state === ESTABLISHED && !served.has(port) && !isLoopback(remote),
  );
}

/** Bytes that all interfaces but loopback have moved, both ways. */
export function movedBytes(proc = "/proc") {
  const [, , ...lines] = readFileSync(`${proc}/net/dev`, "utf8").trim().split("\n");
  return lines.reduce((sum, line) => {
    const [name, numbers = ""] = line.split(":");
    const columns = numbers.trim().split(/\s+/).map(Number);
    return name.trim() === "lo" ? sum : sum + columns[0] + columns[8];
  }, 0);
}

/**
 * @param {{proc?: string, now?: () => number}} [options]
 * @returns a watch: `look` is called now and then, `last` is when a transfer was last seen, milliseconds since 1970 or null
 */
export function watchTransfers({ proc = "/proc", now = Date.now } = {}) {
  let looks = [];
  let last = null;
  let hasFailed = false;
  const watch = {
    look() {
      const look = { at: now(), bytes: movedBytes(proc) };
      // A clock that was put back would leave looks of the future for ever.
      looks = looks.filter(({ at }) => at <= look.at && look.at - at <= WINDOW_MS);
      const moved = look.bytes - (looks[0]?.bytes ?? look.bytes);
      if (moved >= LEAST_BYTES && hasOutgoing(proc)) last = look.at;
      looks.push(look);
    },
    /** Undefined where the kernel does not say. */
    last: () => (hasFailed ? undefined : last),
    start() {
      const look = () => {
        try {
          watch.look();
          hasFailed = false;
        } catch {
          hasFailed = true;
        }
      };
      look();
      setInterval(look, LOOK_MS).unref();
    },
  };
  return watch;
}
