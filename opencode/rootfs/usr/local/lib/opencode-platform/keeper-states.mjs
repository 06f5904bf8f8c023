// What the keeper says of the projects, for the index: which sleep, and since when. Nothing, where there is none or it does not answer in time.
import { askKeeper } from "./keeper-client.mjs";

const ask = askKeeper("/run/keeper/wake/wake.sock");
/** Milliseconds: for an answer, and for how long one is good. */
const [TIMEOUT, FRESH] = [500, 3000];
/** States that the index shows instead of an entry's own. */
const SHOWN = new Set(["asleep", "falling-asleep", "waking", "waiting", "parked"]);

const shown = ({ state, since }) => ({ state, ...(Number.isNaN(Date.parse(since)) ? {} : { since }) });

async function read() {
  try {
    const { status, body } = await ask("GET", "/projects", { timeout: TIMEOUT });
    const kept = status === 200 ? body.filter(({ state }) => SHOWN.has(state)) : [];
    return new Map(kept.map((each) => [each.project, shown(each)]));
  } catch {
    return new Map();
  }
}

let known;
let knownAt = Number.NEGATIVE_INFINITY;

/** @returns {Promise<Map<string, {state: string, since?: string}>>} by project; those that are awake, stopped or unknown to it are not among them */
export function keeperStates() {
  const now = performance.now();
  if (!known || now - knownAt > FRESH) {
    known = read();
    knownAt = now;
  }
  return known;
}
