// The rest of a log-in whose redirect goes to localhost. Whoever logs in has a browser elsewhere, in which nothing listens there: the address
// that it could not open is pasted into a page of the project's hostname, and opened here, where opencode waits for it. A code is in no URL
// and no log of ours, and nothing is passed on but what such an address consists of, to a program that waits for one.
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, readlinkSync, realpathSync } from "node:fs";
import { request as send } from "node:http";
import { document, escapeHtml } from "./page.mjs";

/** No path of opencode's page or API begins so. */
const PATH = "/_platform/callback";
const PORTS_PATH = "/_platform/ports";
/** There once opencode is started, so that nothing of a repository is reached before somebody has trusted it. */
const SERVING = "/tmp/opencode-platform/serving";
const OPENCODE = "/usr/local/bin/opencode";
const OWN_PORTS = [4096, 4097];

/** Where log-ins of opencode and of its plugins wait, as of 1.18 and 2.0: their redirects are registered with the provider. */
const KNOWN = {
  1455: "/auth/callback", // ChatGPT
  19876: "/mcp/oauth/callback", // MCP servers
  8080: "/callback", // GitLab
  8085: "/oauth2callback", // opencode-gemini-auth
  51121: "/oauth-callback", // opencode-antigravity-auth
};
/** On a port of opencode's own: Snowflake, Poe, 2.x's MCP servers, and `callbackPort` or `redirectUri` of 1.x's. */
const ANY_CALLBACK = /^\/([\w.~-]+\/)*([\w.~-]*callback)?$/;
/** What a provider's answer consists of (RFC 6749, 4.1.2; RFC 9207; OpenID Connect Session Management). */
const PARAMETERS = [
  "code",
  "state",
  "error",
  "error_description",
  "error_uri",
  "iss",
  "scope",
  "session_state",
];

/** Bytes of the form, and of a listener's answer, that are read; milliseconds that the answer may take. */
const MAX_BODY = 16_384;
const MAX_ANSWER = 32_768;
const TIMEOUT = 30_000;

const HEADERS = {
  "cache-control": "no-store",
  "content-security-policy":
    "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
  // Without an origin the form would look like another site's.
  "referrer-policy": "same-origin",
};
const STYLE =
  "body{max-width:72ch;margin:2rem auto;padding:0 1rem}label{display:block;margin-bottom:.5rem}input,button{font:inherit;padding:.5rem}input{box-sizing:border-box;width:100%;margin-bottom:.5rem}p{overflow-wrap:anywhere}";

const FORM = `<p>When you have said yes to the provider, it sends your browser to an address that begins with http://localhost or http://127.0.0.1. The browser can't open that page: opencode, which waits for it, runs here. Copy the whole address from the browser's address bar.</p>
<form method="post" action="${PATH}"><label for="address">Paste the address that your browser could not open</label><input id="address" name="address" autocomplete="off" spellcheck="false" required autofocus><button>Finish the log-in</button></form>
<p>The log-in is the project's: whoever can open the project uses it.</p>`;

/** The result of a log-in. @typedef {{status: number, title: string, text: string}} Result */

const NOT_AN_ADDRESS = {
  status: 400,
  title: "That is not the address of a log-in",
  text: "It begins with http://localhost or http://127.0.0.1, with a port, and has code and state in it. Copy all of it from the browser's address bar.",
};
const NOT_WAITING = {
  status: 409,
  title: "No log-in is waiting",
  text: "Start it in opencode first, then paste the address. A log-in waits for a few minutes.",
};
const NOT_STARTED = {
  status: 409,
  title: "opencode has not been started",
  text: "Open the project first: it starts, or asks whether its repository is trusted.",
};

/**
 * What a pasted address asks for.
 * @param {string} text
 * @returns {{port: number, path: string, query: string, isError: boolean} | Result}
 */
export function readAddress(text) {
  const trimmed = text.trim();
  const url = URL.canParse(trimmed) ? new URL(trimmed) : undefined;
  if (!url || !/^https?:$/.test(url.protocol) || url.username || url.password) return NOT_AN_ADDRESS;
  if (!["localhost", "127.0.0.1", "[::1]"].includes(url.hostname) || url.port === "") return NOT_AN_ADDRESS;
  if (/[#&]access_token=/.test(url.hash))
    return {
      ...NOT_AN_ADDRESS,
      title: "This log-in can't be finished from here",
      text: "Its token is behind the # of the address, where DigitalOcean puts it. Use a key of the provider instead.",
    };
  const query = new URLSearchParams();
  for (const name of PARAMETERS) {
    const [value, ...more] = url.searchParams.getAll(name);
    if (more.length > 0) return NOT_AN_ADDRESS;
    if (value) query.set(name, value);
  }
  if (query.has("code") === query.has("error")) return NOT_AN_ADDRESS;
  // Poe sends none, and relies on PKCE alone.
  if (!query.has("state") && Object.hasOwn(KNOWN, url.port)) return NOT_AN_ADDRESS;
  return {
    port: Number(url.port),
    path: url.pathname,
    query: query.toString(),
    isError: query.has("error"),
  };
}

/** Ports that something listens on, with the number of each one's socket; without the platform's own and Docker's name server. */
export function* listeners(proc = "/proc") {
  for (const file of [`${proc}/net/tcp`, `${proc}/net/tcp6`]) {
    if (!existsSync(file)) continue;
    for (const line of readFileSync(file, "utf8").split("\n").slice(1)) {
      const [, address = "", , state, , , , , , inode] = line.trim().split(/\s+/);
      const port = Number.parseInt(address.split(":")[1], 16);
      if (state === "0A" && !address.startsWith("0B00007F") && !OWN_PORTS.includes(port))
        yield { port, inode };
    }
  }
}

/** By label, whether something listens on each of the ports that the gateway names, `admin=8080,3000=3000`. */
function answering(headers) {
  const open = new Set([...listeners()].map(({ port }) => port));
  const named = String(headers["x-opencode-ports"] ?? "").split(",");
  const pairs = named.filter(Boolean).map((each) => each.split("="));
  return Object.fromEntries(pairs.map(([label, port]) => [label, open.has(Number(port))]));
}

const linkOf = (path) => {
  try {
    return readlinkSync(path);
  } catch {
    return ""; // it has ended, or is another user's
  }
};
const entriesOf = (path) => {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
};

/** Whether opencode itself has one of these sockets: its server, or one that somebody runs in a terminal. @param {string[]} inodes */
export function isOpencodes(inodes, { proc = "/proc", program = OPENCODE } = {}) {
  if (inodes.length === 0) return false;
  const sockets = inodes.map((inode) => `socket:[${inode}]`);
  const own = realpathSync(program);
  return entriesOf(proc).some(
    (id) =>
      /^\d+$/.test(id) &&
      linkOf(`${proc}/${id}/exe`) === own &&
      entriesOf(`${proc}/${id}/fd`).some((fd) => sockets.includes(linkOf(`${proc}/${id}/fd/${fd}`))),
  );
}

const inodesOf = (port) => [...listeners()].filter((each) => each.port === port).map(({ inode }) => inode);

/** Whether a log-in may wait there. */
function isLogin({ port, path }) {
  if (OWN_PORTS.includes(port)) return false;
  return KNOWN[port] === path || (ANY_CALLBACK.test(path) && port >= 1024 && isOpencodes(inodesOf(port)));
}

/** The words of a page, for people: no markup, nothing that hides or turns text. */
export function wordsOf(text, isHtml) {
  const visible = isHtml
    ? text
        .replace(/<(script|style|svg|head)\b.*?<\/\1\s*>/gis, " ")
        .replace(/<[^>]*>/g, " ")
        .replace(
          /&(lt|gt|quot|amp|#39|#x27);/g,
          (_, name) => ({ lt: "<", gt: ">", quot: '"', amp: "&" })[name] ?? "'",
        )
    : text;
  return visible
    .replace(/[\p{Cc}\p{Cf}\s]+/gu, " ")
    .trim()
    .slice(0, 400);
}

/** Gets the page from the listener, as the browser would have; a redirect is not followed. */
async function getFrom(socket, { port, path, query }) {
  const request = send({
    createConnection: () => socket,
    path: `${path}?${query}`,
    headers: { host: `localhost:${port}`, accept: "text/html", connection: "close" },
    setHost: false,
    signal: AbortSignal.timeout(TIMEOUT),
  }).end();
  const [answer] = await once(request, "response");
  let text = "";
  for await (const part of answer.setEncoding("utf8")) {
    text += part;
    if (text.length > MAX_ANSWER) break;
  }
  const isHtml = /\bhtml\b/.test(answer.headers["content-type"] ?? "");
  return { status: answer.statusCode, text: wordsOf(text, isHtml) };
}

/**
 * Finishes the log-in that waits for an address.
 * @param {string} text as it was pasted
 * @param {(port: number) => Promise<import("node:net").Socket | undefined>} open connects to a port of loopback; nothing when nobody listens
 * @returns {Promise<Result>}
 */
async function finish(text, open) {
  const address = readAddress(text);
  if ("status" in address) return address;
  const { port, isError } = address;
  const socket = await open(port);
  if (!socket) return NOT_WAITING;
  socket.on("error", () => {});
  if (!isLogin(address)) {
    socket.destroy();
    return {
      status: 403,
      title: `No log-in waits on port ${port}`,
      text: "Something else listens there, or the address has another path than the log-in.",
    };
  }
  try {
    const answer = await getFrom(socket, address);
    if (answer.status >= 400)
      return { status: 502, title: "The log-in failed", text: answer.text || `Status ${answer.status}.` };
    return isError
      ? { status: 200, title: "opencode knows that the provider refused", text: answer.text }
      : { status: 200, title: "The log-in has been passed to opencode", text: answer.text };
  } catch {
    return { status: 502, title: "The log-in did not answer", text: "Start it again in opencode." };
  }
}

/** The body of a form; undefined if it is too long or none. */
async function formOf(request) {
  if (!/^application\/x-www-form-urlencoded\b/.test(request.headers["content-type"] ?? "")) return undefined;
  let body = "";
  for await (const chunk of request) {
    body += chunk;
    if (body.length > MAX_BODY) return undefined;
  }
  return new URLSearchParams(body);
}

/** As a page for a browser, else as a line of text. */
function answer(request, response, { status, title, text }, below = "") {
  const isPage = /\btext\/html\b/.test(request.headers.accept ?? "");
  const type = isPage ? "text/html" : "text/plain";
  response.writeHead(status, { ...HEADERS, "content-type": `${type}; charset=utf-8` });
  const paragraph = text ? `<p role="status">${escapeHtml(text)}</p>` : "";
  const page = () => document(title, paragraph + below, { style: STYLE });
  response.end(request.method === "HEAD" ? undefined : isPage ? page() : `${title}. ${text}\n`);
  request.resume();
}

/**
 * Answers what the gateway sends to the platform's own paths at a project's hostname.
 * @param {import("node:http").IncomingMessage} request
 * @param {import("node:http").ServerResponse} response
 * @param {(port: number) => Promise<import("node:net").Socket | undefined>} open as in `finish`
 */
export async function answerPlatform(request, response, open) {
  const path = (request.url ?? "").split("?")[0];
  const isRead = request.method === "GET" || request.method === "HEAD";
  if (path === PORTS_PATH && isRead) {
    response.writeHead(200, { ...HEADERS, "content-type": "application/json" });
    response.end(
      request.method === "HEAD" ? undefined : JSON.stringify({ ports: answering(request.headers) }),
    );
    return request.resume();
  }
  if (path !== PATH || !(isRead || request.method === "POST"))
    return answer(request, response, { status: 404, title: "There is no such page", text: "" });
  if (!existsSync(SERVING)) return answer(request, response, NOT_STARTED);
  if (isRead) return answer(request, response, { status: 200, title: "Finish a log-in", text: "" }, FORM);
  const text = (await formOf(request))?.get("address") ?? "";
  const result = await finish(text, open);
  return answer(request, response, result, result.status === 200 ? "" : FORM);
}
