// Docker's API over its socket, as much of it as the keeper needs.
import { Agent, request } from "node:http";
import { setTimeout as pause } from "node:timers/promises";

/** How long a call may take. Pausing waits for the kernel, a restart for the grace of 10 s. Milliseconds. */
const TIMEOUT_MS = 60_000;
const STOP_MS = 180_000;
/** Before the events are asked for again, after Docker has ended them. Milliseconds. */
const AGAIN_MS = 1000;

/** What Docker has refused, with its status. */
export class DockerError extends Error {
  /** @param {number} status of the answer; 0 where there was none */
  constructor(message, status) {
    super(message);
    this.name = "DockerError";
    this.status = status;
  }
}

const query = (values) => {
  const entries = Object.entries(values).filter(([, value]) => value !== undefined);
  return entries.length > 0 ? `?${new URLSearchParams(entries.map(([k, v]) => [k, String(v)]))}` : "";
};

/**
 * @typedef {ReturnType<typeof makeDocker>} Docker
 * @param {string} socketPath of the daemon
 */
export function makeDocker(socketPath = "/var/run/docker.sock") {
  const agent = new Agent({ keepAlive: true, maxSockets: 8, maxFreeSockets: 2 });

  /**
   * The answer's head; its body is the caller's to read.
   * @returns {Promise<import("node:http").IncomingMessage>}
   */
  const open = (method, path, { body, timeoutMs = TIMEOUT_MS, signal, own = false } = {}) =>
    new Promise((resolve, reject) => {
      const text = body === undefined ? undefined : JSON.stringify(body);
      const headers = {
        host: "docker",
        ...(text === undefined ? {} : { "content-type": "application/json" }),
      };
      const options = { socketPath, method, path, headers, signal, agent: own ? false : agent };
      const sent = request(options, resolve);
      sent.on("error", (error) => reject(new DockerError(`Docker does not answer: ${error.message}`, 0)));
      if (timeoutMs > 0)
        sent.setTimeout(timeoutMs, () => sent.destroy(new Error(`no answer in ${timeoutMs} ms`)));
      sent.end(text);
    });

  /** @returns {Promise<unknown>} the answer's JSON; undefined where it has none */
  async function call(method, path, options) {
    const response = await open(method, path, options);
    response.setEncoding("utf8");
    let text = "";
    for await (const part of response) text += part;
    const { statusCode = 0 } = response;
    // 304: it is so already.
    if (statusCode >= 300 && statusCode !== 304)
      throw new DockerError(messageOf(text, statusCode), statusCode);
    return /\bjson\b/.test(response.headers["content-type"] ?? "") && text ? JSON.parse(text) : undefined;
  }

  const get = (path, values = {}, options = {}) => call("GET", `${path}${query(values)}`, options);
  const post = (path, values = {}, body = undefined, options = {}) =>
    call("POST", `${path}${query(values)}`, { ...options, body });
  const container = (id) => `/containers/${encodeURIComponent(id)}`;

  return {
    /** The answer to a GET, as it comes: of logs, say. `own` has a connection of its own. */
    open,
    get,
    post,
    info: () => get("/info"),
    /** All containers, or the running ones, with these labels: `name=value`, or the name alone. */
    list: (labels, { all = true } = {}) =>
      get("/containers/json", { all, filters: JSON.stringify({ label: labels }) }),
    inspect: (id) => get(`${container(id)}/json`),
    pause: (id) => post(`${container(id)}/pause`),
    unpause: (id) => post(`${container(id)}/unpause`),
    start: (id) => post(`${container(id)}/start`),
    /** With the grace that the container has of its own, which may be long. */
    stop: (id) => post(`${container(id)}/stop`, {}, undefined, { timeoutMs: STOP_MS }),
    restart: (id, seconds = 10) => post(`${container(id)}/restart`, { t: seconds }),

    /**
     * Docker's events of containers with these labels, for as long as the process lives, over restarts of Docker. What happened while there was no
     * connection is lost: `onOpen` is called after each, to look at everything.
     * @param {(event: {Action: string, id: string, Actor: {Attributes: Record<string, string>}, timeNano: number}) => void} onEvent
     */
    async follow(labels, onEvent, { signal, onOpen = () => {} } = {}) {
      const filters = JSON.stringify({ type: ["container"], label: labels });
      while (!signal?.aborted) {
        try {
          const response = await open("GET", `/events${query({ filters })}`, {
            timeoutMs: 0,
            signal,
            own: true,
          });
          onOpen();
          for await (const line of linesOf(response)) onEvent(JSON.parse(line));
        } catch (error) {
          if (signal?.aborted) return;
          if (!(error instanceof Error)) throw error;
        }
        await pause(AGAIN_MS, undefined, { signal }).catch(() => {});
      }
    },
  };
}

function messageOf(text, status) {
  try {
    return String(JSON.parse(text).message);
  } catch {
    return text.trim() || `Docker answers with status ${status}`;
  }
}

async function* linesOf(stream) {
  stream.setEncoding("utf8");
  let rest = "";
  for await (const part of stream) {
    const lines = (rest + part).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) if (line.trim()) yield line;
  }
}
