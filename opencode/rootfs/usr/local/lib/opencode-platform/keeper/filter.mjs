// Docker's API for those who need a little of it, on a socket of their own: the gateway, and a panel that runs no updates. Whoever asks never reaches
// Docker's own socket, and of other containers of this machine not even that they exist.
import { chmodSync, rmSync } from "node:fs";
import { createServer, request as send } from "node:http";
import {
  allow,
  eventOf,
  eventsQuery,
  execBody,
  execOf,
  execStartBody,
  inspected,
  listed,
  listQuery,
  planOf,
  queryOf,
  Refused,
  versionOf,
} from "./filter-rules.mjs";
import { PLATFORM_LABEL } from "./names.mjs";

/** Of what is sent to the filter, and of an answer that it reads whole. Bytes. */
const LONGEST_BODY = 256 * 1024;
const LONGEST_ANSWER = 16 * 2 ** 20;
/** How long Docker may take for what is no stream: to stop a container takes its grace. Milliseconds. */
const TIMEOUT_MS = 90_000;
/** Commands whose ids are known, of which the oldest is forgotten. */
const COMMANDS = 500;

/** What is there of no container of the stack's, in Docker's own words. */
const missing = (id) => new Refused(`No such container: ${id}`, 404);

async function textOf(stream, longest) {
  const parts = [];
  let size = 0;
  for await (const part of stream) {
    size += part.length;
    if (size > longest) throw new Refused(`More than ${longest} bytes are not let through.`, 413);
    parts.push(part);
  }
  return Buffer.concat(parts).toString("utf8");
}

async function jsonOf(request) {
  const text = await textOf(request, LONGEST_BODY);
  if (text.trim() === "") return undefined;
  try {
    return JSON.parse(text);
  } catch {
    throw new Refused("The body is no JSON.", 400);
  }
}

/**
 * Serves it.
 * @param {{listenOn: string, docker?: string, prefix: string, keeper: string, storage?: string, access: import("./filter-rules.mjs").Access,
 *   print?: (text: string) => void}} options `keeper` and `storage`: those containers, which a panel can ask
 * @returns {Promise<import("node:http").Server>} once it listens
 */
export async function startFilter(options) {
  const { listenOn, access, print = () => {} } = options;
  const filter = makeFilter(options);
  const server = createServer((request, response) => {
    response.on("error", () => {});
    filter(request, response).catch((error) => {
      if (response.headersSent) return response.destroy();
      const status = error instanceof Refused ? error.status : 502;
      if (status === 403) print(`filter for ${access}: ${error.message}`);
      const message =
        error instanceof Refused ? error.message : "Docker does not answer the platform's keeper.";
      // What is left of a body that was not read is no other request.
      response.writeHead(status, { "content-type": "application/json", connection: "close" });
      response.end(`${JSON.stringify({ message })}\n`);
    });
  });
  // A connection that becomes something else would reach Docker unseen.
  for (const event of ["upgrade", "connect"])
    server.on(event, (_, socket) => {
      socket.on("error", () => {});
      const message = `${JSON.stringify({ message: "The platform's keeper lets no connection be upgraded." })}\n`;
      socket.end(
        `HTTP/1.1 403 Forbidden\r\nContent-Type: application/json\r\nContent-Length: ${message.length}\r\nConnection: close\r\n\r\n${message}`,
      );
    });
  server.requestTimeout = 30_000;
  server.maxConnections = 512;
  rmSync(listenOn, { force: true });
  await new Promise((resolve, reject) => server.once("error", reject).listen(listenOn, resolve));
  chmodSync(listenOn, 0o600);
  return server;
}

function makeFilter({ docker = "/var/run/docker.sock", prefix, keeper, storage, access }) {
  /** Ids of commands that were made here: another's can't be started or read. */
  const commands = new Set();

  /** Docker's answer; ends with the client's connection. */
  const ask = (method, path, { body, response, timeoutMs = TIMEOUT_MS } = {}) =>
    new Promise((resolve, reject) => {
      const text = body === undefined ? "" : JSON.stringify(body);
      const headers = { host: "docker", "content-length": Buffer.byteLength(text) };
      if (text) headers["content-type"] = "application/json";
      const sent = send({ socketPath: docker, method, path, headers, agent: false }, resolve);
      if (timeoutMs > 0) sent.setTimeout(timeoutMs, () => sent.destroy(new Error("no answer in time")));
      sent.on("error", reject);
      response?.on("close", () => sent.destroy());
      sent.end(text);
    });

  const read = async (method, path, options) => {
    const answer = await ask(method, path, options);
    const text = await textOf(answer, LONGEST_ANSWER);
    return { status: answer.statusCode ?? 502, headers: answer.headers, text };
  };

  /** The container that is meant by an id, a part of one or a name; by its whole id from here on. */
  const find = async ({ version, id }) => {
    const { status, text } = await read("GET", `${version}/containers/${id}/json`);
    if (status !== 200) throw missing(id);
    const found = JSON.parse(text);
    if (found.Config?.Labels?.[PLATFORM_LABEL] !== prefix) throw missing(id);
    return found;
  };

  const json = (response, value) => {
    response.writeHead(200, { "content-type": "application/json" });
    response.end(`${JSON.stringify(value)}\n`);
  };
  /** What Docker says of what was done, or why it was not. */
  const pass = (response, { status, text }) => {
    response.writeHead(status, text ? { "content-type": "application/json" } : {});
    response.end(text);
  };
  const stream = async (response, path, { method = "GET", body } = {}) => {
    const answer = await ask(method, path, { response, body, timeoutMs: 0 });
    response.writeHead(answer.statusCode ?? 502, {
      "content-type": answer.headers["content-type"] ?? "application/json",
    });
    response.flushHeaders();
    answer.on("error", () => response.destroy()).pipe(response);
  };

  const handlers = {
    async ping({ method, version }, response) {
      const { status, headers, text } = await read(method, `${version}/_ping`);
      const own = ["api-version", "docker-experimental", "ostype", "content-type", "cache-control"];
      response.writeHead(
        status,
        Object.fromEntries(own.flatMap((name) => (headers[name] ? [[name, headers[name]]] : []))),
      );
      response.end(text);
    },
    async version({ version }, response) {
      const answer = await read("GET", `${version}/version`);
      if (answer.status !== 200) return pass(response, answer);
      json(response, versionOf(JSON.parse(answer.text)));
    },
    async list(plan, response) {
      const answer = await read("GET", `${plan.version}/containers/json?${listQuery(plan, prefix)}`);
      if (answer.status !== 200) return pass(response, answer);
      json(response, JSON.parse(answer.text).map(listed));
    },
    inspect: async (plan, response) => json(response, inspected(await find(plan), access)),
    async events(plan, response) {
      const path = `${plan.version}/events?${eventsQuery(plan, prefix, access)}`;
      const answer = await ask("GET", path, { response, timeoutMs: 0 });
      if (answer.statusCode !== 200)
        return pass(response, {
          status: answer.statusCode ?? 502,
          text: await textOf(answer, LONGEST_ANSWER),
        });
      response.writeHead(200, { "content-type": "application/json" });
      response.flushHeaders();
      answer.setEncoding("utf8");
      let rest = "";
      for await (const part of answer) {
        const lines = (rest + part).split("\n");
        rest = lines.pop() ?? "";
        for (const line of lines)
          if (line.trim()) response.write(`${JSON.stringify(eventOf(JSON.parse(line)))}\n`);
      }
      response.end();
    },
    async exec(plan, response, request) {
      const body = execBody(await jsonOf(request));
      const id = await permitted(plan, body.Cmd);
      const answer = await read("POST", `${plan.version}/containers/${id}/exec`, { body });
      if (answer.status !== 201) return pass(response, answer);
      const { Id } = JSON.parse(answer.text);
      commands.add(Id);
      for (const oldest of commands) if (commands.size > COMMANDS) commands.delete(oldest);
      response.writeHead(201, { "content-type": "application/json" });
      response.end(`${JSON.stringify({ Id })}\n`);
    },
    async "exec-start"({ version, id }, response, request) {
      const body = execStartBody(await jsonOf(request));
      if (!commands.has(id)) throw new Refused(`No such exec instance: ${id}`, 404);
      await stream(response, `${version}/exec/${id}/start`, { method: "POST", body });
    },
    async "exec-inspect"({ version, id }, response) {
      if (!commands.has(id)) throw new Refused(`No such exec instance: ${id}`, 404);
      const answer = await read("GET", `${version}/exec/${id}/json`);
      if (answer.status !== 200) return pass(response, answer);
      json(response, execOf(JSON.parse(answer.text)));
    },
  };
  for (const kind of ["logs", "stats"])
    handlers[kind] = async (plan, response) => {
      const query = queryOf(plan);
      await stream(response, `${plan.version}/containers/${await permitted(plan)}/${kind}?${query}`);
    };
  for (const kind of ["start", "stop", "unpause"])
    handlers[kind] = async (plan, response) => {
      const query = queryOf(plan);
      pass(
        response,
        await read("POST", `${plan.version}/containers/${await permitted(plan)}/${kind}?${query}`),
      );
    };

  /** @returns the whole id of a container with which that can be done */
  async function permitted(plan, words) {
    const found = await find(plan);
    allow(plan.kind, { name: found.Name.slice(1), labels: found.Config.Labels }, { keeper, storage, words });
    return found.Id;
  }

  return async (request, response) => {
    const plan = planOf(request.method ?? "", request.url ?? "", access);
    await handlers[plan.kind](plan, response, request);
    request.resume();
  };
}
