// What the keeper says of the projects, for the index: which sleep, and since when. Nothing, where there is none or it does not answer in time.
import { request } from "node:http";

const SOCKET = "/run/keeper/wake/wake.sock";
/** Milliseconds: for an answer, and for how long one is good. */
const [TIMEOUT, FRESH] = [500, 3000];
/** Bytes of an answer. */
const MOST = 2 ** 20;
/** States that the index shows instead of an entry's own. */
const SHOWN = new Set(["asleep", "falling-asleep", "waking", "waiting"]);

/** @returns {Promise<string>} */
const read = () =>
  new Promise((resolve, reject) => {
    const asked = request(
      { socketPath: SOCKET, path: "/projects", signal: AbortSignal.timeout(TIMEOUT) },
      (answer) => {
        let text = "";
        answer.setEncoding("utf8");
        answer.on("data", (part) => {
          text += part;
          if (text.length > MOST) asked.destroy(new Error("too long"));
        });
        answer.on("end", () => (answer.statusCode === 200 ? resolve(text) : reject(new Error("refused"))));
        answer.on("error", reject);
      },
    );
    asked.on("error", reject).end();
  });

async function ask() {
  try {
    const states = JSON.parse(await read()).filter(({ state }) => SHOWN.has(state));
    return new Map(
      states.map(({ project, state, since }) => [
        project,
        { state, ...(Number.isNaN(Date.parse(since)) ? {} : { since }) },
      ]),
    );
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
    known = ask();
    knownAt = now;
  }
  return known;
}
