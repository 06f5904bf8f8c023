/** A proxy on loopback that adds Access credentials to requests to a project. */
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { type Duplex, pipeline, Readable } from "node:stream";
import { createProxyServer } from "http-proxy-3";
import type { OpencodeApi } from "../../opencode/api/index.ts";
import { accessError, isAccessDenied } from "./access.ts";
import { answerPreflight, isCors } from "./cors.ts";
import type { Credentials } from "./credentials.ts";
import { UserError } from "./errors.ts";
import { type GuardResult, RequestGuard } from "./guard.ts";
import { EventStreamGate, isEventStream } from "./hearing.ts";
import { callProject } from "./reach.ts";
import { type Agent, unreachableError, withoutOrigin } from "./upstream.ts";

export interface ProxyOptions {
  /** The project's URL. */
  readonly target: URL;
  /** The API of the project's release. */
  readonly api: OpencodeApi;
  readonly agent: Agent;
  readonly credentials: Credentials;
  /** Called with errors to show once opencode has ended. */
  readonly onError?: (problem: UserError) => void;
}

/** A request being proxied. */
interface ProxiedRequest {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** The body if it is small enough to replay; undefined if it can only be streamed. */
  readonly body: Buffer | undefined;
  /** The credential headers it was sent with. */
  sent: Record<string, string>;
  tries: number;
  /** Retried until this time while the platform is unreachable; milliseconds since the epoch. */
  readonly until: number;
}

/** Maximum bytes of a body that is kept for a retry. */
const MAX_REPLAYED_BYTES = 1024 * 1024;
const CONNECT_TIMEOUT = 15_000;

/** Headers of one connection, or between this program and its client only. */
const DROPPED_REQUEST = ["authorization", "cookie", "origin", "referer", "forwarded", "proxy-authorization"];
const DROPPED_RESPONSE = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
  "set-cookie",
]);

/** Milliseconds between two retries of an event stream while the platform is unreachable, and for how long. */
const RETRY_DELAY_MS = 1000;
const MAX_HOLD_MS = 120_000;

const RETRY_AFTER = { "retry-after": "2" };

/** Reads a body with a small Content-Length; undefined for any other. */
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

function sendRefusal(response: ServerResponse, { status, reason }: GuardResult & { pass: false }): void {
  const text = `This port is reserved for one program on this machine: ${reason}.`;
  sendText(
    response,
    status,
    text,
    status === 401 ? { "www-authenticate": 'Basic realm="opencode-platform"' } : {},
  );
}

/** An HTTP response on the socket of a refused WebSocket. */
function sendOnSocket(request: IncomingMessage, socket: Socket): ServerResponse {
  const response = new ServerResponse(request);
  response.assignSocket(socket);
  response.shouldKeepAlive = false;
  response.on("finish", () => socket.end());
  return response;
}

export class LocalProxy {
  readonly guard: RequestGuard;
  readonly #options: ProxyOptions;
  readonly #server: Server;
  readonly #proxy = createProxyServer();
  readonly #requests = new WeakMap<IncomingMessage, ProxiedRequest>();
  readonly #sockets = new Set<Duplex>();
  readonly #eventStreams = new EventStreamGate();
  #port = 0;

  constructor(options: ProxyOptions) {
    this.#options = options;
    this.guard = new RequestGuard(options.api);
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
      const proxied = this.#requests.get(request);
      if (proxied)
        this.#handleResponse(proxied, answered).catch((error: Error) => this.#handleError(response, error));
    });
    this.#proxy.on("proxyReqWs", (sent) => {
      // Access's cookie is a token.
      for (const end of ["upgrade", "response"])
        sent.on(end, (answered: IncomingMessage) => delete answered.headers["set-cookie"]);
    });
  }

  /** Listens on a free port. */
  async listen(): Promise<void> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  /** Its URL, for a client that has the password. */
  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Its URL including the secret, for a client that takes only a URL. */
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
    if (verdict.app !== undefined && answerPreflight(request, response, verdict.app)) return;
    const until = isEventStream(this.#options.api, request) ? Date.now() + MAX_HOLD_MS : 0;
    const proxied = { request, response, body: await bodyOf(request), sent: {}, tries: 0, until };
    this.#requests.set(request, proxied);
    // Each retry adds listeners, and Node's warning would garble opencode's screen.
    for (const each of [request, response]) each.setMaxListeners(0);
    await this.#eventStreams.waitUntilConnected(request.method);
    await this.#send(proxied);
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

  async #send(proxied: ProxiedRequest): Promise<void> {
    const { request, response, body } = proxied;
    proxied.sent = await this.#headers(request);
    proxied.tries++;
    if (response.destroyed) return;
    const buffer = body === undefined ? {} : { buffer: Readable.from(body.length > 0 ? [body] : []) };
    const options = { ...this.#requestOptions(proxied.sent), ...buffer, selfHandleResponse: true };
    this.#proxy.web(request, response, options, (error) => {
      this.#handleUnreachable(proxied, () => this.#handleError(response, error));
    });
  }

  /** The platform is not responding: aborts, or retries later if the request is held. */
  #handleUnreachable(proxied: ProxiedRequest, abort: () => void): void {
    const { response, until } = proxied;
    if (response.headersSent || response.destroyed || Date.now() > until) {
      abort();
      return;
    }
    proxied.tries = 0;
    setTimeout(() => {
      this.#send(proxied).catch((error: Error) => this.#handleError(response, error));
    }, RETRY_DELAY_MS).unref();
  }

  /** Forwards a response, or retries with a new token if Access refused the request. */
  async #handleResponse(proxied: ProxiedRequest, answered: IncomingMessage): Promise<void> {
    const { response, body, sent } = proxied;
    const status = answered.statusCode ?? 502;
    const refused = isAccessDenied({ status, headers: answered.headers });
    if (refused) {
      answered.resume();
      const renewed = await this.#options.credentials.renew(sent);
      if (renewed && proxied.tries === 1 && body !== undefined) return await this.#send(proxied);
      return this.#handleDenied(response, refused, renewed);
    }
    if (withoutOrigin(status) || (status === 503 && proxied.until > Date.now())) {
      answered.resume();
      const text = `The platform is not connected (${status}).`;
      this.#handleUnreachable(proxied, () => sendText(response, 502, text, RETRY_AFTER));
      return;
    }
    for (const [name, values] of Object.entries(answered.headersDistinct))
      if (values && !DROPPED_RESPONSE.has(name) && !isCors(name)) response.setHeader(name, values);
    if (status === 503 && !response.hasHeader("retry-after")) response.setHeader("retry-after", "2");
    response.writeHead(status, answered.statusMessage);
    // An event stream may send no event for a while.
    response.flushHeaders();
    if (proxied.until > 0 && status === 200) this.#forwardEventStream(answered, response);
    pipeline(answered, response, () => {});
  }

  /** Tracks whether the platform, not the client, ended an event stream. */
  #forwardEventStream(answered: IncomingMessage, response: ServerResponse): void {
    this.#eventStreams.connected();
    const ended = () => response.destroyed || this.#eventStreams.disconnected();
    answered.once("end", ended).once("error", ended);
  }

  #handleDenied(response: ServerResponse, refused: "login" | "forbidden", renewed: boolean): void {
    // A streamed body can't be replayed: the client retries with the new token.
    if (renewed) {
      sendText(response, 503, "Login renewed: try again.", { "retry-after": "0" });
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

  /** Checks the token before a WebSocket opens, since a WebSocket can't be retried. */
  async #isAdmitted(): Promise<void> {
    const { target: url, api, ...rest } = this.#options;
    await callProject({ ...rest, url }, api.health);
  }
}
