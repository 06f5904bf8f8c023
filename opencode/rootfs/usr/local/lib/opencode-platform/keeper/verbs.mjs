// The keeper's verbs, over sockets: each lists which of them it has.
import { chmodSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { Unknown } from "./keeper.mjs";
import { Refused } from "./transitions.mjs";

/**
 * @typedef {(project: string) => unknown} Verb answers what is sent as JSON
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

/** Refused: a verb that changes nothing now says why, and one that should have woken a project has failed. */
const statusOf = (error, key) =>
  error instanceof Unknown ? 404 : error instanceof Refused && key === "POST sleep" ? 409 : 503;

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
      send(200, await verb(url.searchParams.get("project") ?? ""));
    } catch (error) {
      send(statusOf(error, key), { error: error.message });
    }
  });
  // A wake takes as long as it takes.
  server.requestTimeout = 0;
  server.listen(path, () => chmodSync(path, 0o666));
  return server;
}
