/** The table of what counts: each line of what a project does, and whether it sleeps then. */
import { describe, expect, it } from "vitest";
import { fileInImage } from "../support/opencode/image-files.ts";

interface Observation {
  now: number;
  since: number;
  lastActivity: number;
  busy: number;
  pending: number;
  terminals: number;
  chores: number;
  logins?: number;
  transfer: number | null;
  ports: number | null;
}
type Sleep = { afterMs: number; pending: boolean } | null;
const { decide, working, OLDEST_MS } = (await import(fileInImage("keeper/decide.mjs"))) as {
  decide: (seen: unknown, sleep: Sleep, now: number, awakeSince?: number) => string;
  working: (seen: unknown, now?: number) => string | undefined;
  OLDEST_MS: number;
};

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const NOW = 1_800_000_000_000;
const ago = (ms: number) => NOW - ms;
const DEFAULT: Sleep = { afterMs: 30 * MINUTE, pending: false };

/** Nobody has done anything for hours. */
const idle: Observation = {
  now: NOW,
  since: ago(9 * HOUR),
  lastActivity: ago(5 * HOUR),
  busy: 0,
  pending: 0,
  terminals: 0,
  chores: 0,
  transfer: null,
  ports: null,
};

interface Case {
  readonly what: string;
  readonly seen?: Partial<Observation>;
  readonly sleep?: Sleep;
  readonly now?: number;
  readonly awakeSince?: number;
  /** `sleep`, or a part of why not. */
  readonly says: string | RegExp;
}

const CASES: readonly Case[] = [
  { what: "nothing at all", says: "sleep" },
  // What follows leaves no trace in an observation; that it does not is held in activity.test.ts.
  { what: "an open tab, an event stream, a health check, a list that is polled", says: "sleep" },
  { what: "a project that nobody has ever used", seen: { lastActivity: 0 }, says: "sleep" },

  { what: "a prompt just now", seen: { lastActivity: ago(1000) }, says: "was last used 1 s ago" },
  { what: "a prompt 29 minutes ago", seen: { lastActivity: ago(29 * MINUTE) }, says: /was last used/ },
  { what: "a prompt 30 minutes ago", seen: { lastActivity: ago(30 * MINUTE) }, says: "sleep" },
  {
    what: "an agent that works for hours without a client",
    seen: { busy: 1 },
    says: "is working in 1 session",
  },
  { what: "two agents", seen: { busy: 2, lastActivity: ago(1) }, says: "is working in 2 sessions" },
  {
    what: "an agent that waits for a permission",
    seen: { pending: 1 },
    says: "waits for somebody's answer in 1 session",
  },
  {
    what: "an agent that waits for a permission, with sleep.pending",
    seen: { pending: 1 },
    sleep: { afterMs: 30 * MINUTE, pending: true },
    says: "sleep",
  },
  {
    what: "one that waits and one that works, with sleep.pending",
    seen: { pending: 1, busy: 1 },
    sleep: { afterMs: 30 * MINUTE, pending: true },
    says: "is working in 1 session",
  },
  {
    what: "vim with unsaved text in a terminal",
    seen: { terminals: 1 },
    says: "runs a program in 1 terminal",
  },
  { what: "a setup, a clone or a change of release under way", seen: { chores: 1 }, says: "is being set up" },
  { what: "a log-in under way", seen: { logins: 1 }, says: "waits for somebody to finish a log-in" },
  { what: "a running counter in a terminal", seen: { terminals: 2 }, says: "runs a program in 2 terminals" },
  {
    what: "somebody who typed in a shell a minute ago",
    seen: { lastActivity: ago(MINUTE) },
    says: /was last used 60 s ago/,
  },
  { what: "a preview in use", seen: { ports: ago(MINUTE) }, says: "was last asked at a port 60 s ago" },
  { what: "a preview that was used an hour ago", seen: { ports: ago(HOUR) }, says: "sleep" },
  { what: "a download that goes on", seen: { transfer: ago(1000) }, says: "last moved data 1 s ago" },
  { what: "a download that has ended", seen: { transfer: ago(HOUR) }, says: "sleep" },

  { what: "never", sleep: null, says: "never sleeps: sleep is never" },
  {
    what: "a shorter time",
    sleep: { afterMs: 5 * MINUTE, pending: false },
    seen: { lastActivity: ago(6 * MINUTE) },
    says: "sleep",
  },
  { what: "a time that makes no sense", sleep: { afterMs: Number.NaN, pending: false }, says: /has no time/ },
  { what: "no time at all", sleep: { afterMs: 0, pending: false }, says: /has no time/ },

  {
    what: "a container that has just started",
    seen: { since: ago(MINUTE), lastActivity: 0 },
    says: "was first looked at 60 s ago",
  },
  {
    what: "a project that somebody has just woken and looks at",
    awakeSince: ago(MINUTE),
    says: "was woken 60 s ago",
  },
  { what: "one that was woken an hour ago", awakeSince: ago(HOUR), says: "sleep" },

  // A pause of the machine, a clock that was set, a container whose answer was late.
  { what: "an observation from a while ago", now: NOW + OLDEST_MS + 1, says: "was not looked into just now" },
  { what: "an observation from the future", now: NOW - OLDEST_MS - 1, says: "was not looked into just now" },
  {
    what: "a clock that was put back an hour",
    seen: { lastActivity: NOW + HOUR },
    says: /was last used after now/,
  },
  { what: "a clock that was put back, seen in a port", seen: { ports: NOW + 1 }, says: /after now/ },
  {
    what: "a clock that was put forward by a day, while an agent works",
    now: NOW,
    seen: { lastActivity: ago(24 * HOUR), busy: 1 },
    says: /is working/,
  },
  {
    what: "a clock that was put forward after its start",
    seen: { since: ago(1), lastActivity: ago(24 * HOUR) },
    says: /was first looked at/,
  },
];

describe("decide", () => {
  it.each(CASES)("$what: $says", ({ seen, sleep = DEFAULT, now = NOW, awakeSince, says }) => {
    const decided = decide({ ...idle, ...seen }, sleep, now, awakeSince);
    if (typeof says === "string") expect(decided).toBe(says);
    else expect(decided).toMatch(says);
  });

  it.each(Object.keys(idle))("keeps awake what it knows no %s of", (key) => {
    for (const value of [
      undefined,
      "1",
      Number.NaN,
      -1,
      {},
      ...(["transfer", "ports"].includes(key) ? [] : [null]),
    ])
      expect(decide({ ...idle, [key]: value }, DEFAULT, NOW), String(value)).toMatch(/^can't be looked into/);
  });

  it("keeps awake what it could not look into", () => {
    for (const seen of [undefined, null, "asleep", 1, [], {}])
      expect(decide(seen, DEFAULT, NOW)).toMatch(/^can't be looked into/);
  });
});

describe("working, for somebody who puts a project to sleep by hand", () => {
  it("is what would be interrupted, not how long ago something was, nor what is as it was afterwards", () => {
    expect(working({ ...idle, lastActivity: NOW, ports: NOW, transfer: NOW })).toBeUndefined();
    expect(working({ ...idle, terminals: 1, pending: 1 })).toBeUndefined();
    expect(working({ ...idle, busy: 1 })).toBe("is working in 1 session");
    expect(working({ ...idle, chores: 1 })).toBe("is being set up");
    expect(working({ ...idle, logins: 1 })).toBe("waits for somebody to finish a log-in");
    expect(working(undefined)).toMatch(/can't be looked into/);
    expect(working(idle, NOW + OLDEST_MS + 1)).toBe("was not looked into just now");
  });
});
