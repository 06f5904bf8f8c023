// The gateway's way to what the project's own programs serve. It says in a header which port is meant; a program that listens on the loopback
// address alone is reached too. To the program a request looks as if it were for localhost, since dev servers refuse other hostnames and compare
// Origin with Host: Host, Origin and Referer are rewritten on the way in, and redirects on the way out.
import { createHash, timingSafeEqual } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer, request as send } from "node:http";
import { connect } from "node:net";
import { startActivity } from "./activity.mjs";
import { answerPlatform } from "./login.mjs";
import { document } from "./page.mjs";
import { raiseForEver } from "./scores.mjs";

const PORT = 4097;
/** Of the request and its answer alone; not for the next hop. */
const HOP_BY_HOP = [
  "connection",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
];
/** What the gateway adds about itself: the hostname in it would not be the one in Host. */
const FORWARDED = /^(forwarded|x-forwarded-.*|x-real-ip|x-opencode-.*)$/;
const WAITING = {
  "content-type": "text/html; charset=utf-8",
  "cache-control": "no-store",
  "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'",
  "x-opencode-state": "not-listening",
  "retry-after": "2",
};
const STYLE = "body{display:grid;place-content:center;min-height:100vh;margin:0 1rem}p{max-width:60ch}";

const PASSWORD = readFileSync("/run/opencode/password", "utf8");
/** Of the gateway alone: whoever else reaches this port of the container has no business on its loopback. */
const KEY = createHash("sha256").update(`relay:${PASSWORD}`).digest();

const activity = startActivity({ password: PASSWORD });

function isGateway(request) {
  const given = Buffer.from(String(request.headers["x-opencode-key"] ?? ""), "hex");
  return given.length === KEY.length && timingSafeEqual(given, KEY);
}

/** @returns {number | undefined} the port that a request is for */
function portOf(request) {
  if (!isGateway(request)) return undefined;
  const port = Number(request.headers["x-opencode-port"]);
  return Number.isInteger(port) && port > 0 && port < 65_536 && port !== PORT ? port : undefined;
}

/** The names and values of a list of headers, in pairs. */
function* pairsOf(list) {
  for (let index = 0; index < list.length; index += 2) yield [list[index], list[index + 1]];
}

/**
 * The headers for the program, as a list, so that repeated ones stay so.
 * @param {boolean} upgrade whether `Connection` and `Upgrade` go along
 */
function headersFor(request, port, upgrade) {
  const own = `http://localhost:${port}`;
  const origin = String(request.headers["x-opencode-origin"] ?? "");
  const list = [];
  for (const [name, value] of pairsOf(request.rawHeaders)) {
    const key = name.toLowerCase();
    if (key === "host" || FORWARDED.test(key)) continue;
    if (HOP_BY_HOP.includes(key) && !(upgrade && (key === "connection" || key === "upgrade"))) continue;
    const isOwn = origin !== "" && (value === origin || value.startsWith(`${origin}/`));
    const rewritten =
      isOwn && (key === "origin" || key === "referer") ? own + value.slice(origin.length) : value;
    list.push(name, rewritten);
  }
  // Of a body without a length; not every method has it by default.
  const chunked = request.headers["transfer-encoding"] ? ["Transfer-Encoding", "chunked"] : [];
  return ["Host", `localhost:${port}`, ...list, ...chunked, ...(upgrade ? [] : ["Connection", "close"])];
}

/** A redirect within the program, as one within the page's origin. */
function locationFor(value, port) {
  const own = new RegExp(`^https?://(localhost|127\\.0\\.0\\.1|\\[::1\\]):${port}(?=[/?#]|$)`);
  const path = value.replace(own, "");
  return path === value ? value : path.startsWith("/") ? path : `/${path}`;
}

/**
 * A new connection to the program each time: one that is kept would be cut when the program is restarted.
 * @param {(error: NodeJS.ErrnoException | undefined, socket: import("node:net").Socket) => void} done
 */
function open(port, done, hosts = ["127.0.0.1", "::1"]) {
  const [host, ...others] = hosts;
  const socket = connect({ host, port });
  const failed = (error) => (others.length > 0 ? open(port, done, others) : done(error, socket));
  socket.once("error", failed).once("connect", () => {
    socket.off("error", failed);
    done(undefined, socket);
  });
}

/** The program's headers, as it wrote them. */
function headersOf(answer, port) {
  const list = [];
  for (const [name, value] of pairsOf(answer.rawHeaders)) {
    const key = name.toLowerCase();
    if (HOP_BY_HOP.includes(key)) continue;
    list.push(name, key === "location" ? locationFor(value, port) : value);
  }
  return list;
}

/** Nothing listens, or it went away without an answer: a browser looks again by itself. */
function answerWaiting(request, response, port, error) {
  if (response.headersSent) return response.destroy();
  // Without IPv6 there is no such address.
  const isRefused = ["ECONNREFUSED", "EADDRNOTAVAIL", "EAFNOSUPPORT"].includes(error.code);
  const title = isRefused ? `Nothing listens on port ${port}` : `Port ${port} did not answer`;
  const text = isRefused
    ? "This page opens as soon as something in the project does."
    : "The program closed the connection. This page tries again.";
  const wantsPage = request.method === "GET" && /\btext\/html\b/.test(request.headers.accept ?? "");
  const head = '<meta http-equiv="refresh" content="2">';
  const body = wantsPage ? document(title, `<p>${text}</p>`, { style: STYLE, head }) : `${title}.\n`;
  response.writeHead(502, {
    ...WAITING,
    ...(wantsPage ? {} : { "content-type": "text/plain; charset=utf-8" }),
  });
  response.end(request.method === "HEAD" ? undefined : body);
  request.resume();
}

/** A connection to a port of loopback; nothing when nobody listens. */
const opened = (port) =>
  new Promise((resolve) => open(port, (refusal, socket) => resolve(refusal ? undefined : socket)));

const server = createServer((request, response) => {
  if (isGateway(request) && request.headers["x-opencode-port"] === "platform") {
    answerPlatform(request, response, opened).catch(() => response.destroy());
    return;
  }
  const port = portOf(request);
  if (port === undefined) {
    if (!activity.answer(request, response)) response.writeHead(404).end();
    return request.resume();
  }
  open(port, (refusal, socket) => {
    if (refusal) return answerWaiting(request, response, port, refusal);
    if (request.destroyed) return socket.destroy();
    forward(request, response, port, socket);
  });
});

function forward(request, response, port, socket) {
  const moved = activity.portAsked(request);
  const options = {
    createConnection: () => socket,
    path: request.url,
    method: request.method,
    headers: headersFor(request, port, false),
    setHost: false,
  };
  const forwarded = send(options, (answer) => {
    response.writeHead(answer.statusCode, answer.statusMessage, headersOf(answer, port));
    // Event streams begin with their headers.
    response.flushHeaders();
    answer.on("data", moved).pipe(response);
    answer.on("error", () => response.destroy());
  });
  forwarded.on("error", (error) => answerWaiting(request, response, port, error));
  response.on("close", () => forwarded.destroy());
  request.on("error", () => forwarded.destroy());
  request.on("data", moved).pipe(forwarded);
}

// WebSockets: the handshake is passed on, then bytes both ways.
server.on("upgrade", (request, socket, head) => {
  const port = portOf(request);
  if (port === undefined) return socket.destroy();
  socket.on("error", () => socket.destroy());
  open(port, (refusal, target) => {
    if (refusal || socket.destroyed) return void [socket, target].map((each) => each.destroy());
    target.on("error", () => target.destroy()).on("close", () => socket.destroy());
    socket.on("close", () => target.destroy());
    const headers = headersFor(request, port, true);
    const lines = [`${request.method} ${request.url} HTTP/1.1`];
    for (const [name, value] of pairsOf(headers)) lines.push(`${name}: ${value}`);
    target.write(`${lines.join("\r\n")}\r\n\r\n`, "latin1");
    target.write(head);
    const moved = activity.portOpened();
    socket.on("data", moved).pipe(target).on("data", moved).pipe(socket);
  });
});

// Uploads and event streams take as long as they take.
server.requestTimeout = 0;
server.headersTimeout = 60_000;
server.keepAliveTimeout = 75_000;
server.listen(PORT, "0.0.0.0");
if (process.env.OPENCODE_PLATFORM_SERVER) raiseForEver(Number(process.env.OPENCODE_PLATFORM_SERVER));
for (const signal of ["SIGTERM", "SIGINT"]) process.on(signal, () => process.exit(0));
