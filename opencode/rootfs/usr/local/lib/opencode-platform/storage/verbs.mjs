// What the storage program is asked for, over a socket of its own: each verb with its argument as JSON, answered by lines of JSON as it goes on.
import { chmodSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { described, Refused } from "./errors.mjs";

/** More than any argument has. */
const MAX_BYTES = 65_536;
const PROJECT = /^[a-z0-9][a-z0-9-]{0,62}$/;

/**
 * @typedef {(step: string, percent?: number) => void} Progress
 * @typedef {(argument: Record<string, any>, progress: Progress) => Promise<unknown>} Verb what it answers is sent as JSON
 */

/** @param {unknown} name */
export const isProject = (name) => typeof name === "string" && PROJECT.test(name);

/** A project's name in an argument, which becomes part of paths. @param {unknown} name @param {string} key what it is called there */
export function projectIn(name, key = "project") {
  if (!isProject(name)) throw new Refused(`${key}: the name of a project is missing or invalid`);
  return name;
}

async function readArgument(request) {
  let text = "";
  request.setEncoding("utf8");
  for await (const part of request) {
    text += part;
    if (text.length > MAX_BYTES) throw new Refused("the argument is too long");
  }
  let value;
  try {
    value = JSON.parse(text || "{}");
  } catch {
    throw new Refused("the argument is not JSON");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new Refused("the argument is not a JSON object");
  return value;
}

/**
 * Serves verbs on a socket: `POST /<verb>`. What has begun is ended, whether somebody listens or not.
 * @param {string} path
 * @param {Record<string, Verb>} verbs
 * @param {(line: string) => void} log
 */
export function serveVerbs(path, verbs, log) {
  rmSync(path, { force: true });
  const server = createServer(async (request, response) => {
    const name = new URL(request.url ?? "/", "http://storage").pathname.slice(1);
    const send = (line) => response.write(`${JSON.stringify(line)}\n`);
    const verb = request.method === "POST" && Object.hasOwn(verbs, name) ? verbs[name] : undefined;
    response.on("error", () => {}); // nobody listens any more
    response.writeHead(verb ? 200 : 404, { "content-type": "application/x-ndjson" });
    try {
      if (!verb)
        throw new Refused("there is no such verb", `use one of ${Object.keys(verbs).sort().join(", ")}`);
      const progress = (step, percent) =>
        send({ progress: { step, ...(percent === undefined ? {} : { percent }) } });
      send({ result: (await verb(await readArgument(request), progress)) ?? null });
    } catch (error) {
      if (verb && !(error instanceof Refused)) log(`${name}: ${error.message}`);
      send({ error: described(error) });
    }
    response.end();
  });
  // They take as long as they take.
  server.requestTimeout = 0;
  server.timeout = 0;
  server.listen(path, () => chmodSync(path, 0o600));
  return server;
}
