/** Forwards requests to the origins: HTTP servers, and TCP servers behind a WebSocket. */
import { readFileSync } from "node:fs";
import { Agent, type ClientRequest, type IncomingMessage, request as plainRequest } from "node:http";
import type { IncomingHttpHeaders, OutgoingHttpHeaders, ServerHttp2Stream } from "node:http2";
import { Agent as SecureAgent, request as secureRequest } from "node:https";
import { type Duplex, pipeline, Writable } from "node:stream";
import type { OriginOptions, Rule, Service } from "./ingress.ts";
import { tcpBridge } from "./tcp-bridge.ts";
import {
  FROM_CLOUDFLARED,
  FROM_ORIGIN,
  packHeaders,
  RESPONSE_HEADERS,
  RESPONSE_META,
  UPGRADE,
  WEBSOCKET,
} from "./wire.ts";

const STREAMED = ["text/event-stream", "application/grpc", "application/x-ndjson"];

/**
 * Whether cloudflared forwards each write immediately. A response with a length is forwarded in pieces of 4
 * KiB.
 */
function isStreamed({ headers }: IncomingMessage): boolean {
  if (headers["content-length"] === undefined) return true;
  if (headers["transfer-encoding"]?.toLowerCase().includes("chunked")) return true;
  return STREAMED.some((type) => headers["content-type"]?.toLowerCase().startsWith(type));
}

/** Go's HTTP/2 server buffers unflushed data up to 4 KiB. */
async function* inPieces(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let kept = Buffer.alloc(0);
  for await (const part of source) {
    kept = Buffer.concat([kept, part]);
    if (kept.length < 4096) continue;
    yield kept;
    kept = Buffer.alloc(0);
  }
  if (kept.length > 0) yield kept;
}

/** Responds for cloudflared itself, unless the response has started. */
export function answerItself(stream: ServerHttp2Stream, status: number): void {
  if (stream.destroyed) return;
  if (stream.headersSent) stream.close(2 /* INTERNAL_ERROR */);
  else stream.respond({ ":status": status, [RESPONSE_META]: FROM_CLOUDFLARED }, { endStream: true });
}

/** Responds like an origin: for a status rule, or a request rejected by Access's check. */
export function answerStatus(stream: ServerHttp2Stream, status: number): void {
  if (!stream.destroyed)
    stream.respond({ ":status": status, [RESPONSE_META]: FROM_ORIGIN }, { endStream: true });
}

function requestHeaders(headers: IncomingHttpHeaders, options: OriginOptions, websocket: boolean) {
  const { host: _, [UPGRADE]: __, ...rest } = headers;
  const own = Object.fromEntries(Object.entries(rest).filter(([name]) => !name.startsWith(":")));
  const host = headers[":authority"] ?? "";
  return {
    ...own,
    host: options.httpHostHeader || host,
    ...(options.httpHostHeader ? { "x-forwarded-host": host } : {}),
    ...(websocket ? { connection: "Upgrade", upgrade: "websocket", "sec-websocket-version": "13" } : {}),
  };
}

/** Opens requests to one origin. Created once per rule, for keep-alive connections. */
export type Origin = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void;

type Opener = (options: {
  method: string;
  path: string;
  headers: Record<string, string | string[] | undefined>;
}) => ClientRequest;

function opener(service: Exclude<Service, { kind: "status" }>, options: OriginOptions): Opener {
  const connectTimeout = (options.connectTimeout ?? 30) * 1000;
  if (service.kind === "tcp") {
    const bridge = tcpBridge(service, connectTimeout);
    return (request) => plainRequest({ ...request, createConnection: () => bridge() });
  }
  const secure = service.url.protocol === "https:";
  const agent = new (secure ? SecureAgent : Agent)({
    keepAlive: true,
    keepAliveMsecs: (options.tcpKeepAlive ?? 30) * 1000,
    maxFreeSockets: options.keepAliveConnections ?? 100,
    scheduling: "lifo",
    autoSelectFamily: !options.noHappyEyeballs,
  });
  const trust = {
    rejectUnauthorized: !options.noTLSVerify,
    ...(options.originServerName ? { servername: options.originServerName } : {}),
    ...(options.caPool ? { ca: readFileSync(options.caPool) } : {}),
  };
  return (request) => {
    const { hostname: host, port } = service.url;
    const target = {
      host: host.replace(/^\[(.*)\]$/, "$1"),
      port: port || (secure ? 443 : 80),
      agent,
      ...request,
    };
    const sent = secure ? secureRequest({ ...target, ...trust }) : plainRequest(target);
    const timer = setTimeout(() => sent.destroy(new Error("timeout while connecting")), connectTimeout);
    sent.on("socket", (socket) => {
      if (!socket.connecting) clearTimeout(timer);
      else socket.once(secure ? "secureConnect" : "connect", () => clearTimeout(timer));
    });
    sent.on("close", () => clearTimeout(timer));
    return sent;
  };
}

function answerHeaders({ rawHeaders, headers }: IncomingMessage) {
  return {
    [RESPONSE_META]: FROM_ORIGIN,
    [RESPONSE_HEADERS]: packHeaders(rawHeaders),
    ...(headers["content-length"] === undefined ? {} : { "content-length": headers["content-length"] }),
  };
}

/** A stream's body whose headers are sent with its first byte. */
function lazily(stream: ServerHttp2Stream, head: OutgoingHttpHeaders): Writable {
  const begin = () => stream.headersSent || stream.respond(head);
  return new Writable({
    write(part: Buffer, _, done) {
      begin();
      stream.write(part, done);
    },
    final(done) {
      begin();
      stream.end(done);
    },
  });
}

function sendAnswer(stream: ServerHttp2Stream, response: IncomingMessage, method: string): void {
  if (stream.destroyed) return void response.destroy();
  const status = response.statusCode ?? 502;
  const head = { ":status": status, ...answerHeaders(response) };
  if (method === "HEAD" || status === 204 || status === 304) {
    stream.respond(head, { endStream: true });
    return void response.resume();
  }
  const failed = (error: unknown) => error && answerItself(stream, 502);
  if (isStreamed(response)) {
    stream.respond(head);
    pipeline(response, stream, failed);
  } else pipeline(response, inPieces, lazily(stream, head), failed);
}

function sendUpgrade(
  stream: ServerHttp2Stream,
  response: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): void {
  if (stream.destroyed) return void socket.destroy();
  // HTTP/2 has no 101.
  stream.respond({ ":status": 200, ...answerHeaders(response) });
  if (head.length > 0) socket.unshift(head);
  pipeline(socket, stream, socket, () => {});
}

/** Serves a rule's requests. */
export function origin(rule: Rule, log: (text: string) => void): Origin {
  const { service, options } = rule;
  if (service.kind === "status") return (stream) => answerStatus(stream, service.status);
  const open = opener(service, options);
  const target = service.kind === "tcp" ? service.url : service.url.origin;
  return (stream, headers) => {
    const websocket = headers[UPGRADE] === WEBSOCKET;
    const method = headers[":method"] ?? "GET";
    const sent = open({
      method,
      path: headers[":path"] ?? "/",
      headers: requestHeaders(headers, options, websocket),
    });
    sent.on("response", (response) => sendAnswer(stream, response, method));
    sent.on("upgrade", (response, socket, head) => sendUpgrade(stream, response, socket, head));
    sent.on("error", (error) => {
      log(
        `ERR  error="Unable to reach the origin service. The service may be down or it may not be responding to traffic from cloudflared: ${error.message}" originService=${target}`,
      );
      answerItself(stream, 502);
    });
    stream.on("close", () => sent.destroy());
    stream.on("error", () => sent.destroy());
    if (websocket) sent.end();
    else stream.pipe(sent);
  };
}
