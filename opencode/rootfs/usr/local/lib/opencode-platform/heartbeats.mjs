// Event streams of opencode in which nothing happens, for the pages and terminal clients of projects that sleep.
//
// As seen in 1.18 and 2.0: a stream begins with `server.connected`, upon which a page asks for everything anew, and goes on with a heartbeat: an event every
// 10 seconds in 1.x, a comment every 15 seconds in 2.x. So the first event is left out here. A page of 1.x then waits; one of 2.x tries again every 3 seconds,
// shows nothing of it, and asks for nothing else.
import { randomBytes } from "node:crypto";

/** As both majors send them. */
const HEADERS = {
  "cache-control": "no-cache, no-transform",
  "content-type": "text/event-stream",
  "x-accel-buffering": "no",
  "x-content-type-options": "nosniff",
  "x-opencode-state": "asleep",
};
/** Streams at once, for 40 KB each: what comes after them tries again. */
const MOST = 1000;
const COMMENT = ": heartbeat\n\n";
const SECONDS = { event: 10, comment: 15 };
const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

export const isEventStream = (path) => /\/event$/.test(path);

let counted = 0;
/** An id as opencode's: its time in milliseconds with a counter, and some letters by chance. */
function eventId() {
  counted = (counted + 1) % 0x1000;
  const time = BigInt.asUintN(48, BigInt(Date.now()) * 0x1000n + BigInt(counted));
  const letters = [...randomBytes(14)].map((byte) => DIGITS[byte % DIGITS.length]);
  return `evt_${time.toString(16).padStart(12, "0")}${letters.join("")}`;
}

const event = () => ({ id: eventId(), type: "server.heartbeat", properties: {} });

/** A heartbeat as the stream at this path has it. */
const beat = {
  directory: () => `data: ${JSON.stringify(event())}\n\n`,
  global: () => `data: ${JSON.stringify({ payload: event() })}\n\n`,
  comment: () => COMMENT,
};

const kindOf = (path, release) =>
  !release.startsWith("1.") || path.startsWith("/api/")
    ? "comment"
    : path.startsWith("/global/")
      ? "global"
      : "directory";

/** All open streams share two timers: one more costs its connection. */
export function heartbeats({ most = MOST } = {}) {
  /** @type {Set<{response: import("node:http").ServerResponse, project: string, kind: keyof typeof beat, since: number}>} */
  const open = new Set();
  let timers = [];

  /** To all that beat alike at once; who does not read any more gets nothing more to hold. */
  function send(kinds) {
    const texts = new Map(kinds.map((kind) => [kind, beat[kind]()]));
    for (const { response, kind } of open) {
      const text = texts.get(kind);
      if (text !== undefined && !response.writableNeedDrain) response.write(text);
    }
  }

  function schedule() {
    if (open.size > 0 && timers.length === 0)
      timers = [
        setInterval(send, SECONDS.event * 1000, ["directory", "global"]),
        setInterval(send, SECONDS.comment * 1000, ["comment"]),
      ];
    if (open.size > 0) return;
    for (const timer of timers) clearInterval(timer);
    timers = [];
  }

  return {
    /** @param {{project: string, path: string, release: string}} stream */
    open(response, { project, path, release }) {
      if (open.size >= most) return void response.writeHead(503, { "retry-after": "30" }).end();
      const kind = kindOf(path, release);
      const stream = { response, project, kind, since: Date.now() };
      response.writeHead(200, HEADERS);
      response.write(beat[kind]());
      open.add(stream);
      schedule();
      response.on("close", () => {
        open.delete(stream);
        schedule();
      });
    },
    /** The projects that have one. */
    projects: () => [...new Set([...open].map(({ project }) => project))],
    /** Ends those of a project that have been open for so many milliseconds; returns how many wait for another start, as 1.x does. */
    end(project, atLeast = 0) {
      const ending = [...open].filter(
        (each) => each.project === project && Date.now() - each.since >= atLeast,
      );
      for (const { response } of ending) response.end();
      return ending.filter(({ kind }) => kind !== "comment").length;
    },
  };
}
