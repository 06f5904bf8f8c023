// Follows opencode's own event stream in the container, so that the sessions are known without a question that would start something: the streams for all
// directories and the lists of what runs start nothing (measured in 1.18 and 2.0). What is known survives the end of this process in a small file.
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { request as send } from "node:http";
import { dirname } from "node:path";
import { apply, counts, noSessions, prune, readEvent } from "./session-events.mjs";

/** Bytes of an event that are kept: type and ids are at its beginning, and a tool's whole output may follow. */
const MOST_BYTES = 16_384;
/** Milliseconds. */
const TIMES = {
  /** Between two tries to follow. */
  retry: 1000,
  /** Heartbeats come every 10 or 15 seconds: after three looks without one, the server hangs or the connection is dead. */
  silence: 20_000,
  /** A session of which nothing was heard for so long is asked about: its end may have been missed. */
  stale: 300_000,
  /** Time of the last activity is written at most this often. */
  save: 5000,
  /** Until a stream begins: at first, and at most. */
  first: 2000,
  answer: 60_000,
};

/** By major: the stream, and how the sessions that work and wait are asked for. A directory with such a session is running, so asking starts nothing. */
const MAJORS = {
  1: {
    stream: "/global/event",
    async ask(get, state, first) {
      const directories = new Set([
        ...Object.values(state.busy),
        ...Object.values(state.pending).map(({ at }) => at),
        ...first,
      ]);
      const found = { ...noSessions(), parents: state.parents };
      for (const directory of directories) {
        const query = `?directory=${encodeURIComponent(directory)}`;
        for (const [id, { type }] of Object.entries(await get(`/session/status${query}`)))
          if (type !== "idle") found.busy[id] = directory;
        for (const path of ["/permission", "/question"])
          for (const { id, sessionID } of await get(`${path}${query}`))
            found.pending[id] = { session: sessionID, at: directory };
      }
      return found;
    },
  },
  2: {
    stream: "/api/event",
    async ask(get, state) {
      const found = { ...noSessions(), parents: state.parents };
      const { data } = await get("/api/session/active");
      for (const id of Object.keys(data)) {
        found.busy[id] = state.busy[id] ?? "";
        for (const kind of ["permission", "form"])
          for (const request of (await get(`/api/session/${id}/${kind}`)).data)
            found.pending[request.id] = { session: id, at: "" };
      }
      return found;
    },
  },
};

const isRecord = (value) => typeof value === "object" && value !== null && !Array.isArray(value);

/** @returns what a process before this one knew, or undefined */
function load(file) {
  try {
    const { last, busy, pending, parents } = JSON.parse(readFileSync(file, "utf8"));
    if (Number.isFinite(last) && [busy, pending, parents].every(isRecord))
      return { last, busy, pending, parents };
  } catch {
    // The first in this container.
  }
  return undefined;
}

/** Calls `line` with each line of a stream of bytes, or with the beginning of a long one. */
function splitter(line) {
  let kept = [];
  let size = 0;
  const keep = (part) => {
    const taken = part.subarray(0, Math.max(0, MOST_BYTES - size));
    // A copy: a part of a buffer would hold all of it.
    if (taken.length > 0) kept.push(Buffer.from(taken));
    size += taken.length;
  };
  return (chunk) => {
    let from = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, from)) {
      keep(chunk.subarray(from, end));
      line(Buffer.concat(kept).toString("utf8"));
      kept = [];
      size = 0;
      from = end + 1;
    }
    keep(chunk.subarray(from));
  };
}

/**
 * @param {{major: 1 | 2, password: string, file: string, port?: number, directory?: string, times?: Partial<typeof TIMES>}} options
 * @returns a watch: `counts` of sessions, undefined while they are not known, and `last`, when something went on
 */
export function watchSessions({
  major,
  password,
  file,
  port = 4096,
  directory = "/workspace",
  times: given = {},
}) {
  const times = { ...TIMES, ...given };
  const { stream, ask } = MAJORS[major];
  const headers = { authorization: `Basic ${Buffer.from(`opencode:${password}`).toString("base64")}` };
  const loaded = load(file);
  let state = loaded ?? { last: 0, ...noSessions() };
  /** Nothing is known of a server that was there before this process, and of which it has no file. */
  let first = loaded ? [] : [directory];
  let isKnown = false;
  /** Events that come while the server is asked: they are newer than what it answers, or say the same. */
  let queued;
  let heard = Date.now();
  let patience = times.first;
  let savedAt = 0;
  let saving;

  function save() {
    saving = undefined;
    savedAt = Date.now();
    prune(state);
    try {
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(`${file}.new`, JSON.stringify(state));
      renameSync(`${file}.new`, file);
    } catch {
      // A full disk: the next process asks the server.
    }
  }

  function changed(isMore) {
    if (isMore) {
      clearTimeout(saving);
      return save();
    }
    saving ??= setTimeout(save, Math.max(0, savedAt + times.save - Date.now())).unref();
  }

  function handle(event) {
    const sessions = () => JSON.stringify([state.busy, state.pending]);
    const before = sessions();
    heard = Date.now();
    if (apply(state, event)) state.last = Date.now();
    changed(before !== sessions());
  }

  const get = (path) =>
    new Promise((resolve, reject) => {
      const sent = send(
        { host: "127.0.0.1", port, path, headers, agent: false, timeout: times.answer },
        (answer) => {
          let text = "";
          answer.setEncoding("utf8");
          answer.on("data", (part) => {
            text += part;
          });
          answer.on("error", reject);
          answer.on("end", () => {
            try {
              if (answer.statusCode !== 200) throw new Error(`answers with status ${answer.statusCode}`);
              resolve(JSON.parse(text));
            } catch (error) {
              reject(error);
            }
          });
        },
      );
      sent.on("timeout", () => sent.destroy(new Error("no answer")));
      sent.on("error", reject);
      sent.end();
    });

  /** Asks the server what it knows; what it says holds, and events since then. */
  async function compare() {
    if (queued) return;
    queued = [];
    try {
      const found = await ask(get, state, first);
      state = { last: state.last, ...found };
      first = [];
      isKnown = true;
      heard = Date.now();
    } finally {
      const late = queued;
      queued = undefined;
      for (const event of late) handle(event);
      changed(true);
    }
  }

  /** A server that has ended takes with it what worked and waited in it. */
  function ended() {
    first = [];
    Object.assign(state, noSessions());
    changed(true);
  }

  /** Follows the stream until it ends. */
  const follow = () =>
    new Promise((resolve) => {
      let silence;
      const sent = send({ host: "127.0.0.1", port, path: stream, headers, agent: false });
      const stop = (error) => {
        clearInterval(silence);
        clearTimeout(unanswered);
        isKnown = false;
        if (error?.code === "ECONNREFUSED") ended();
        sent.destroy();
        resolve();
      };
      // Not one timer for all the time: that of a container that was paused would be over as soon as it goes on.
      let silent = 0;
      silence = setInterval(() => {
        silent++;
        if (silent >= 3) stop();
        else if (
          isKnown &&
          Object.keys({ ...state.busy, ...state.pending }).length > 0 &&
          Date.now() - heard > times.stale
        )
          compare().catch(stop);
      }, times.silence);
      silence.unref();
      // 1.18 never answers a request that comes at the moment when it begins to listen; a busy one answers late.
      const unanswered = setTimeout(() => {
        patience = Math.min(2 * patience, times.answer);
        stop();
      }, patience).unref();
      sent.on("error", stop);
      sent.on("response", (answer) => {
        clearTimeout(unanswered);
        patience = times.first;
        if (answer.statusCode !== 200) return stop();
        const split = splitter((line) => {
          if (!line.startsWith("data:")) return;
          const event = readEvent(line.slice(5).trim());
          if (!event) return;
          if (event.type === "server.connected") compare().catch(stop);
          else if (queued) queued.push(event);
          else handle(event);
        });
        answer.on("data", (chunk) => {
          silent = 0;
          split(chunk);
        });
        answer.on("close", () => stop());
        answer.on("error", stop);
      });
      sent.end();
    });

  let stopped = false;
  (async () => {
    while (!stopped) {
      await follow();
      await new Promise((resolve) => setTimeout(resolve, times.retry));
    }
  })();

  return {
    counts: () => (isKnown && !queued ? counts(state) : undefined),
    last: () => state.last,
    stop: () => {
      stopped = true;
    },
  };
}
