// Whether a project may be put to sleep: one pure function of what was seen of it, of its settings and of the time. Its table of cases is
// test/opencode/decide.test.ts.
//
// Activity is what somebody or something does: a prompt, a working session, a program in a terminal, a page opened at one of the project's ports, a transfer that
// moves bytes. An open tab, an event stream, a health check and a list that is polled are none. Who does not know, does not put to sleep.

/**
 * What `GET /activity` of a project's container answers; milliseconds since 1970 by the container's clock, which is the host's.
 * @typedef {object} Observation
 * @property {number} now when it was made
 * @property {number} since since when it watches
 * @property {number} lastActivity last prompt, or progress of a session, or typing in a terminal
 * @property {number} busy sessions in which the agent works
 * @property {number} pending sessions that wait for a permission or an answer
 * @property {number} terminals terminals in which a program runs
 * @property {number} chores the platform's own scripts at work: a clone, the entry's `setup`, a change of release
 * @property {number} [logins] log-ins that wait for their provider's answer; an image of before has none
 * @property {number | null} transfer when a connection that the project opened last moved bytes
 * @property {number | null} ports when somebody last did something at one of its ports
 */

/** @typedef {{afterMs: number, pending: boolean}} Sleep settings of `sleep` in projects.yaml; null there is never */

/** An observation that took longer, or is from another time, says nothing about now. Milliseconds. */
export const OLDEST_MS = 10_000;

const TIMES = ["now", "since", "lastActivity"];

const isCount = (value) => Number.isSafeInteger(value) && value >= 0;
const isTime = (value) => Number.isFinite(value) && value >= 0;

/** @returns {string | undefined} what of an observation is missing or makes no sense */
function flaw(seen) {
  if (typeof seen !== "object" || seen === null) return "nothing was seen";
  for (const key of TIMES) if (!isTime(seen[key])) return `${key} is missing`;
  for (const key of ["busy", "pending", "terminals", "chores"])
    if (!isCount(seen[key])) return `${key} is missing`;
  for (const key of ["transfer", "ports"])
    if (seen[key] !== null && !isTime(seen[key])) return `${key} is missing`;
  return undefined;
}

const some = (count, noun) => `${count} ${noun}${count === 1 ? "" : "s"}`;
const seconds = (ms) => `${Math.round(ms / 1000)} s`;

/**
 * What of a project must not be interrupted, whoever asks for it to sleep. A program in a terminal and a question to somebody are as they were afterwards.
 * @param {Observation | undefined} seen
 * @returns {string | undefined} a reason that completes "it …"
 */
export function working(seen, now = seen?.now) {
  const wrong = flaw(seen);
  if (wrong) return `can't be looked into: ${wrong}`;
  if (Math.abs(now - seen.now) > OLDEST_MS) return "was not looked into just now";
  if (seen.chores > 0) return "is being set up";
  if (seen.logins > 0) return "waits for somebody to finish a log-in";
  return seen.busy > 0 ? `is working in ${some(seen.busy, "session")}` : undefined;
}

/** What keeps it awake for as long as it lasts. */
function occupied(seen, { pending, now }) {
  const reason = working(seen, now);
  if (reason) return reason;
  if (seen.terminals > 0) return `runs a program in ${some(seen.terminals, "terminal")}`;
  if (seen.pending > 0 && !pending) return `waits for somebody's answer in ${some(seen.pending, "session")}`;
  return undefined;
}

/**
 * @param {Observation | undefined} seen undefined when looking failed
 * @param {Sleep | null} sleep null: never
 * @param {number} now the keeper's time when it decides
 * @param {number} [awakeSince] when the keeper last woke or started it, or began to watch it. Default: unknown, so that it does not count
 * @returns {"sleep" | string} `sleep`, or why not, as the rest of "it …"
 */
export function decide(seen, sleep, now, awakeSince = 0) {
  if (sleep === null || sleep === undefined) return "never sleeps: sleep is never";
  if (!Number.isFinite(sleep.afterMs) || sleep.afterMs <= 0) return "has no time after which it sleeps";
  const reason = occupied(seen, { pending: sleep.pending === true, now });
  if (reason) return reason;
  const moments = [
    ["was last used", seen.lastActivity],
    ["last moved data", seen.transfer ?? 0],
    ["was last asked at a port", seen.ports ?? 0],
    ["was first looked at", seen.since],
    ["was woken", awakeSince],
  ];
  for (const [what, at] of moments) {
    // A clock that was put back: what seems to be yet to come has just been.
    if (at > now) return `${what} after now, by the clock`;
    if (now - at < sleep.afterMs) return `${what} ${seconds(now - at)} ago`;
  }
  return "sleep";
}
