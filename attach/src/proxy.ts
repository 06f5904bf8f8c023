/** A server on loopback that hands requests to a project with what Access wants to see. */
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { type Duplex, pipeline, Readable } from "node:stream";
import { createProxyServer } from "http-proxy-3";
import { projectApi } from "../../opencode/api/index.ts";
import { accessError, isAccessDenied } from "./access.ts";
import type { Credentials } from "./credentials.ts";
import { UserError } from "./errors.ts";
import { type GuardResult, RequestGuard } from "./guard.ts";
import { EventStreamGate } from "./hearing.ts";
import { authorized, callUrl } from "./reach.ts";
import { type Agent, unreachableError, withoutOrigin } from "./upstream.ts";

export interface ProxyOptions {
  /** The project's URL. */
  readonly target: URL;
  readonly agent: Agent;
  readonly credentials: Credentials;
  /** Told of what a person should know when opencode has ended. */
  readonly onError?: (problem: UserError) => void;
}

/** One request on its way. */
interface ProxiedRequest {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** The body, where it is small enough to be sent again; undefined for one that can only be passed on. */
  readonly body: Buffer | undefined;
  /** What it went with. */
  sent: Record<string, string>;
  tries: number;
  /** Until when it is tried again while the platform is away. */
  readonly until: number;
}

/** Bytes of a body that is kept for a second try. */
const MAX_REPLAYED_BYTES = 1024 * 1024;
const CONNECT_TIMEOUT = 15_000;

/** Of one connection, or between this program and its client alone. */
const DROPPED_REQUEST = ["authorization", "cookie", "origin", "referer", "forwarded", "proxy-authorization"];
const DROPPED_RESPONSE = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
  "set-cookie",
]);

/** Milliseconds between two tries of an event stream while the platform is away, and for how long. */
const RETRY_DELAY_MS = 1000;
const MAX_HOLD_MS = 120_000;

/**
 * Whether a request is for opencode's events. Its client waits up to half a minute between its own tries, and shows nothing of what happens
 * meanwhile; so such a request is held here until the platform is back.
 */
const isEventStream = ({ method, url = "", headers }: IncomingMessage): boolean =>
  method === "GET" && (projectApi.isEventStream(url) || headers.accept === "text/event-stream");

const RETRY_AFTER = { "retry-after": "2" };

/** Reads a body that is said to be small. */
async function bodyOf(request: IncomingMessage): Promise<Buffer | undefined> {
  const { "content-length": length, "transfer-encoding": coding } = request.headers;
  if (coding !== undefined || Number(length ?? 0) > MAX_REPLAYED_BYTES) return undefined;
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts);
}

function sendText(
  response: ServerResponse,
  status: number,
  text: string,
  headers: Record<string, string> = {},
): void {
  if (response.headersSent) return void response.destroy();
  response.writeHead(status, {
    "content-type": "text/plain; charset=utf-8",
    "cache-control": "no-store",
    ...headers,
  });
  response.end(`${text}\n`);
}

function sendRefusal(response: ServerResponse, { status, reason: why }: GuardResult & { pass: false }): void {
  const text = `This port is for one program of this machine: ${why}.`;
  sendText(
    response,
    status,
    text,
    status === 401 ? { "www-authenticate": 'Basic realm="opencode-platform"' } : {},
  );
}

/** An answer on the socket of a WebSocket that is not opened. */
function sendOnSocket(request: IncomingMessage, socket: Socket): ServerResponse {
  const response = new ServerResponse(request);
  response.assignSocket(socket);
  response.shouldKeepAlive = false;
  response.on("finish", () => socket.end());
  return response;
}

export class LocalProxy {
  readonly guard = new RequestGuard();
  readonly #options: ProxyOptions;
  readonly #server: Server;
  readonly #proxy = createProxyServer();
  readonly #requests = new WeakMap<IncomingMessage, ProxiedRequest>();
  readonly #sockets = new Set<Duplex>();
  readonly #hearing = new EventStreamGate();
  #port = 0;

  constructor(options: ProxyOptions) {
    this.#options = options;
    this.#server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
      this.#serve(request, response).catch((error: Error) => this.#handleError(response, error));
    });
    this.#server.on("upgrade", (request: IncomingMessage, socket: Socket, head: Buffer) => {
      this.#upgrade(request, socket, head).catch(() => socket.destroy());
    });
    this.#server.on("connection", (socket) => {
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket));
    });
    this.#proxy.on("proxyRes", (answered, request, response) => {
      const passage = this.#requests.get(request);
      if (passage)
        this.#handleResponse(passage, answered).catch((error: Error) => this.#handleError(response, error));
    });
    this.#proxy.on("proxyReqWs", (sent) => {
      // The cookie is a token of its own.
      for (const end of ["upgrade", "response"])
        sent.on(end, (answered: IncomingMessage) => delete answered.headers["set-cookie"]);
    });
  }

  /** Opens a port that is free. */
  async listen(): Promise<void> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  /** Where it listens, for a client that has the password. */
  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** The same for a client that takes nothing but a URL. Whoever knows it may use the project. */
  get secretUrl(): string {
    return `${this.url}/${this.guard.secret}`;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#options.agent.destroy();
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const verdict = this.guard.check(request, this.#port);
    if (!verdict.pass) {
      request.resume();
      sendRefusal(response, verdict);
      return;
    }
    request.url = verdict.path;
    const until = isEventStream(request) ? Date.now() + MAX_HOLD_MS : 0;
    const passage = { request, response, body: await bodyOf(request), sent: {}, tries: 0, until };
    this.#requests.set(request, passage);
    // Each try adds its own, and Node's warning would be written across opencode's screen.
    for (const each of [request, response]) each.setMaxListeners(0);
    await this.#hearing.waitUntilConnected(request.method);
    await this.#send(passage);
  }

  async #headers(request: IncomingMessage): Promise<Record<string, string>> {
    for (const name of Object.keys(request.headers))
      if (DROPPED_REQUEST.includes(name) || name.startsWith("cf-") || name.startsWith("x-forwarded-"))
        delete request.headers[name];
    return await this.#options.credentials.headers();
  }

  #requestOptions(headers: Record<string, string>) {
    const { target, agent } = this.#options;
    return { target, agent, headers, changeOrigin: true, connectTimeout: CONNECT_TIMEOUT };
  }

  async #send(passage: ProxiedRequest): Promise<void> {
    const { request, response, body } = passage;
    passage.sent = await this.#headers(request);
    passage.tries++;
    if (response.destroyed) return;
    const buffer = body === undefined ? {} : { buffer: Readable.from(body.length > 0 ? [body] : []) };
    const options = { ...this.#requestOptions(passage.sent), ...buffer, selfHandleResponse: true };
    this.#proxy.web(request, response, options, (error) => {
      this.#handleUnreachable(passage, () => this.#handleError(response, error));
    });
  }

  /** The platform does not answer: gives up, unless the request is one to hold. */
  #handleUnreachable(passage: ProxiedRequest, abort: () => void): void {
    const { response, until } = passage;
    if (response.headersSent || response.destroyed || Date.now() > until) {
      abort();
      return;
    }
    passage.tries = 0;
    setTimeout(() => {
      this.#send(passage).catch((error: Error) => this.#handleError(response, error));
    }, RETRY_DELAY_MS).unref();
  }

  /** An answer's beginning: passed on, unless it is Access's and a new token may help. */
  async #handleResponse(passage: ProxiedRequest, answered: IncomingMessage): Promise<void> {
    const { response, body, sent } = passage;
    const status = answered.statusCode ?? 502;
    const refused = isAccessDenied({ status, headers: answered.headers });
    if (refused) {
      answered.resume();
      const renewed = await this.#options.credentials.renew(sent);
      if (renewed && passage.tries === 1 && body !== undefined) return await this.#send(passage);
      return this.#handleDenied(response, refused, renewed);
    }
    if (withoutOrigin(status) || (status === 503 && passage.until > Date.now())) {
      answered.resume();
      const text = `The platform's server is not connected (${status}).`;
      this.#handleUnreachable(passage, () => sendText(response, 502, text, RETRY_AFTER));
      return;
    }
    for (const [name, values] of Object.entries(answered.headersDistinct))
      if (values && !DROPPED_RESPONSE.has(name)) response.setHeader(name, values);
    if (status === 503 && !response.hasHeader("retry-after")) response.setHeader("retry-after", "2");
    response.writeHead(status, answered.statusMessage);
    // An event stream says nothing for a while.
    response.flushHeaders();
    if (passage.until > 0 && status === 200) this.#forwardEventStream(answered, response);
    pipeline(answered, response, () => {});
  }

  /** Notices the end of an event stream that is not the client's doing. */
  #forwardEventStream(answered: IncomingMessage, response: ServerResponse): void {
    this.#hearing.connected();
    const ended = () => response.destroyed || this.#hearing.disconnected();
    answered.once("end", ended).once("error", ended);
  }

  #handleDenied(response: ServerResponse, refused: "login" | "forbidden", renewed: boolean): void {
    // The next try goes with the new token; this one's body is gone.
    if (renewed) {
      sendText(response, 503, "The login has been renewed: try again.", { "retry-after": "0" });
      return;
    }
    const problem = accessError(this.#options.target, refused, this.#options.credentials.machine);
    this.#options.onError?.(problem);
    sendText(response, refused === "login" ? 401 : 403, `${problem.message} ${problem.fix}`);
  }

  #handleError(response: ServerResponse | Socket, error: Error): void {
    if (!("writeHead" in response)) return void response.destroy();
    if (error instanceof UserError) this.#options.onError?.(error);
    const problem = error instanceof UserError ? error : unreachableError(this.#options.target, error);
    const status = { login: 401, notMember: 403 }[problem.kind as string];
    if (status) sendText(response, status, `${problem.message} ${problem.fix}`);
    else sendText(response, 502, problem.message, RETRY_AFTER);
  }

  async #upgrade(request: IncomingMessage, socket: Socket, head: Buffer): Promise<void> {
    socket.on("error", () => socket.destroy());
    const verdict = this.guard.check(request, this.#port);
    if (!verdict.pass) {
      sendRefusal(sendOnSocket(request, socket), verdict);
      return;
    }
    request.url = verdict.path;
    const response = sendOnSocket(request, socket);
    try {
      await this.#isAdmitted();
    } catch (error) {
      return this.#handleError(response, error as Error);
    }
    response.detachSocket(socket);
    if (socket.destroyed) return;
    const headers = await this.#headers(request);
    this.#proxy.ws(request, socket, head, this.#requestOptions(headers), () => socket.destroy());
  }

  /** A WebSocket cannot be tried again: so whether the token still does is asked before. */
  async #isAdmitted(): Promise<void> {
    const { target, agent, credentials } = this.#options;
    await authorized({ url: callUrl(target, projectApi.health), agent, credentials });
  }
}
