// What the keeper asks a project before it puts it to sleep: times and counts of what goes on in it, and nothing else. Only the host reaches it, and the
// container itself.
import { readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { watchLogins } from "./watch-logins.mjs";
import { watchSessions } from "./watch-sessions.mjs";
import { lastTyped, runningTerminals } from "./watch-terminals.mjs";
import { watchTransfers } from "./watch-transfers.mjs";

const PATH = "/activity";
/** Beside the scripts' own, in memory. */
const FILE = "/tmp/opencode-platform/activity.json";

/**
 * Bytes in a minute by which a connection to a port is in use. A WebSocket or an event stream that is only open moves less: pings and heartbeats, of
 * socket.io for example 6 bytes every 25 seconds.
 */
const LEAST_BYTES = 1024;
/** The same for one answer to a question that an open page asks by itself: a download or a film, and not a poll. */
const LEAST_ANSWER_BYTES = 1024 * 1024;
const MINUTE_MS = 60_000;
/** What the image's own scripts say of their work, by the name of the file that they say it in. */
const CHORES = {
  setup: /^running/,
  workspace: /^cloning |, \d+ under way/,
  upgrade: /^(upgrading from|migrating)/,
  start: /^running/,
};
/** A command that starts a server for ever is no chore after this. Milliseconds. */
const LONGEST_START_MS = 10 * MINUTE_MS;

/** Of the image's opencode; undefined where there is none, as in tests of other parts. */
function majorOf(file = new URL("./version", import.meta.url)) {
  try {
    const major = Number.parseInt(readFileSync(file, "utf8"), 10);
    return major === 1 || major === 2 ? major : undefined;
  } catch {
    return undefined;
  }
}

/** What it can't find out is left out: the keeper then lets the project run. */
const attempt = (look) => {
  try {
    return look();
  } catch {
    return undefined;
  }
};

/**
 * Whether a page's script asks for something, and changes nothing: that may be a poll of a tab that is open. A browser says so of what it sends, and whoever
 * opens a page or loads what belongs to it sends another Sec-Fetch-Dest.
 */
const isByItself = ({ method, headers }) =>
  (method === "GET" || method === "HEAD") &&
  headers["sec-fetch-mode"] !== undefined &&
  headers["sec-fetch-mode"] !== "navigate" &&
  headers["sec-fetch-dest"] === "empty";

/** How many of the image's own scripts are at work: a clone, the entry's `setup`, a change of release, what begins a container. */
const choresIn = (folder, now) =>
  Object.entries(CHORES).filter(([name, isUnderWay]) => {
    const file = join(folder, name);
    try {
      if (name === "start" && now - statSync(file).mtimeMs > LONGEST_START_MS) return false;
      return isUnderWay.test(readFileSync(file, "utf8"));
    } catch {
      return false; // it has nothing to do, or has done it
    }
  }).length;

/** @param {{password: string, major?: 1 | 2, file?: string, port?: number, proc?: string, program?: string, devices?: string, now?: () => number}} options */
export function startActivity({
  password,
  major = majorOf(),
  file = FILE,
  port,
  proc,
  program,
  devices,
  now = Date.now,
}) {
  const since = now();
  const sessions = major && watchSessions({ major, password, file, port });
  const transfers = watchTransfers({ proc, now });
  transfers.start();
  const logins = watchLogins({ proc, program, now });
  let ports = null;

  /** Counts what a connection moves, and nothing below what one that is only open does. */
  function meter(least = LEAST_BYTES) {
    let minute = 0;
    let bytes = 0;
    return (chunk) => {
      const at = now();
      if (Math.abs(at - minute) >= MINUTE_MS) {
        minute = at;
        bytes = 0;
      }
      bytes += chunk.length;
      if (bytes >= least) ports = at;
    };
  }

  const look = () => ({
    now: now(),
    lastActivity: sessions && Math.max(sessions.last(), lastTyped(devices)),
    ...(sessions ? sessions.counts() : {}),
    terminals: attempt(() => runningTerminals(proc)),
    chores: choresIn(dirname(file), now()),
    logins: attempt(logins),
    transfer: transfers.last(),
    ports,
    since,
  });

  return {
    look,
    /** @returns {boolean} whether it was this that was asked */
    answer(request, response) {
      if (request.url !== PATH || request.method !== "GET") return false;
      response.writeHead(200, { "content-type": "application/json", "cache-control": "no-store" });
      response.end(JSON.stringify(look()));
      return true;
    },
    /** A request to a port that a program answers. @returns what is called with each part of its bodies */
    portAsked(request) {
      if (isByItself(request))
        return meter(request.headers.accept === "text/event-stream" ? LEAST_BYTES : LEAST_ANSWER_BYTES);
      ports = now();
      return meter();
    },
    /** A WebSocket to a port: one that is only open, or opened again and again, is none. */
    portOpened: () => meter(),
    stop: () => sessions?.stop(),
  };
}
