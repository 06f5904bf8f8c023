// The keeper's verbs, over sockets: each lists which of them it has.
import { chmodSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { Unknown } from "./keeper.mjs";
import { DEFAULTS, LONGEST } from "./leases.mjs";
import { Refused } from "./transitions.mjs";

/**
 * @typedef {(project: string, values: URLSearchParams) => unknown} Verb answers what is sent as JSON
 * @param {import("./keeper.mjs").Keeper} keeper
 * @returns {Record<string, Verb>} by method and name
 */
export const makeVerbs = (keeper) => ({
  "GET projects": () => keeper.list(),
  "POST wake": async (project) => {
    await keeper.wake(project);
    return { state: "awake" };
  },
  "POST sleep": async (project) => ({ state: "asleep", ...(await keeper.sleep(project)) }),
  "GET history": async (project) => {
    await keeper.entryOf(project);
    return keeper.history.of(project);
  },
});

/** Whole seconds, as a lease has them. */
function secondsOf(values, fallback) {
  const text = values.get("seconds") ?? String(fallback);
  const seconds = /^\d{1,3}$/.test(text) ? Number(text) : 0;
  if (seconds < 1 || seconds > LONGEST) throw new Refused(`seconds is a whole number from 1 to ${LONGEST}.`);
  return seconds;
}

/** Those for whoever works on projects' files as a whole. @param {import("./keeper.mjs").Keeper} keeper */
export const makeStorageVerbs = ({ list, leases }) => ({
  "GET projects": () => list(),
  "POST hold": async (project, values) =>
    leases.hold(project, secondsOf(values, DEFAULTS.hold), values.has("renew")),
  "POST release": (project) => leases.release(project),
  "POST park": async (project, values) =>
    leases.park(project, secondsOf(values, DEFAULTS.park), values.has("renew")),
  "POST unpark": (project) => leases.unpark(project),
});

/** Refused: a verb that changes nothing now says why, and one that should have woken a project has failed. */
const statusOf = (error, key) =>
  error instanceof Unknown ? 404 : error instanceof Refused && key !== "POST wake" ? 409 : 503;

/**
 * Serves some verbs on a socket. Whoever has the folder it is in may connect: it is in a volume of its own, or in the keeper's tmpfs.
 * @param {string} path
 * @param {Record<string, Verb>} verbs
 */
export function serveVerbs(path, verbs) {
  rmSync(path, { force: true });
  const server = createServer(async (request, response) => {
    request.resume();
    const url = new URL(request.url ?? "/", "http://keeper");
    const key = `${request.method} ${url.pathname.slice(1)}`;
    const verb = Object.hasOwn(verbs, key) ? verbs[key] : undefined;
    const send = (status, value) => {
      response.writeHead(status, { "content-type": "application/json" });
      response.end(JSON.stringify(value));
    };
    if (!verb) return send(404, { error: "The keeper has no such verb." });
    try {
      send(200, await verb(url.searchParams.get("project") ?? "", url.searchParams));
    } catch (error) {
      send(statusOf(error, key), { error: error.message });
    }
  });
  // A wake takes as long as it takes.
  server.requestTimeout = 0;
  server.listen(path, () => chmodSync(path, 0o666));
  return server;
}
