/** The edge: an HTTPS server for the zone's hostnames, the team's domain and Google's login. */
import { once } from "node:events";
import { type IncomingMessage, ServerResponse } from "node:http";
import { createSecureServer, type Http2SecureServer } from "node:http2";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { pipeline, Transform } from "node:stream";
import { getRequestListener } from "@hono/node-server";
import type { Hono } from "hono";
import { serialize } from "hono/utils/cookie";
import { SESSION } from "../connector/wire.ts";
import { authDomain, type State } from "../state.ts";
import type { Certificates } from "./certificates.ts";
import type { Connectors } from "./connectors.ts";
import { type Answer, answerOf, type EdgeRequest, edgeHeaders, open, visitorHeaders } from "./forward.ts";
import { applicationAt, COOKIE, type Passage, passage } from "./gate.ts";
import { GOOGLE_HOST, type Google } from "./google.ts";
import type { Login } from "./login.ts";
import { edgeError, forbidden } from "./pages.ts";
import { cookieOptions, site } from "./site.ts";
import type { Tokens } from "./tokens.ts";

/** Also for HTTP/2: Node's methods are the same. */
type Response = ServerResponse;
type Pass = Passage & { kind: "pass" };

/** Cloudflare's limit of a request's body on the free plan, in bytes. */
const BODY_LIMIT = 100 * 1024 * 1024;

/** Milliseconds without data after which the edge gives up on an origin (524) or a WebSocket. */
const READ_TIMEOUT = 120_000;
const WEBSOCKET_TIMEOUT = 100_000;

export interface EdgeParts {
  readonly state: State;
  readonly certificates: Certificates;
  readonly connectors: Connectors;
  readonly tokens: Tokens;
  readonly login: Login;
  readonly google: Google;
}

const hostnameOf = ({ headers }: EdgeRequest): string =>
  String(headers[":authority"] ?? headers.host ?? "")
    .replace(/:\d+$/, "")
    .toLowerCase();

const limited = () => {
  let size = 0;
  return new Transform({
    transform(part: Buffer, _, done) {
      size += part.length;
      if (size > BODY_LIMIT) done(new Error("the body is too large"));
      else done(null, part);
    },
  });
};

export class Edge {
  readonly #parts: EdgeParts;
  readonly #server: Http2SecureServer;
  readonly #sockets = new Set<Socket>();
  readonly #team;
  readonly #google;
  readonly #site;

  constructor(parts: EdgeParts) {
    this.#parts = parts;
    const listener = (app: Hono) => getRequestListener(app.fetch, { overrideGlobalObjects: false });
    this.#team = listener(parts.login.app);
    this.#google = listener(parts.google.app);
    this.#site = listener(site(parts.state, parts.tokens, parts.login));
    const { key, certificate } = parts.certificates;
    this.#server = createSecureServer({ ...SESSION, key, cert: certificate, allowHTTP1: true });
    this.#server.on("request", (request: EdgeRequest, response: Response) => {
      this.#serve(request, response).catch((error: Error) => this.#error(response, 520, error.message, ""));
    });
    this.#server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      this.#upgrade(request, socket, head).catch(() => socket.destroy());
    });
    this.#server.on("connection", (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket));
    });
    this.#server.on("sessionError", () => {});
  }

  async listen(port: number, host: string): Promise<number> {
    this.#server.listen(port, host);
    await once(this.#server, "listening");
    return (this.#server.address() as { port: number }).port;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  /** Id of the tunnel in a hostname's record. */
  tunnelOf(hostname: string): string | undefined {
    const records = [...this.#parts.state.records.values()];
    const wild = `*.${hostname.split(".").slice(1).join(".")}`;
    const named = (name: string) => records.find((each) => each.type === "CNAME" && each.name === name);
    const record = named(hostname) ?? named(wild);
    return record?.proxied ? /^(.+)\.cfargotunnel\.com\.?$/.exec(record.content)?.[1] : undefined;
  }

  #error(response: Response, status: number, what: string, hostname: string, code = status): void {
    if (response.headersSent) return void response.destroy(new Error(what));
    response.writeHead(status, { "content-type": "text/html; charset=utf-8", server: "cloudflare" });
    Promise.resolve(edgeError(code, what, hostname)).then((page) => response.end(String(page)));
  }

  async #serve(request: EdgeRequest, response: Response): Promise<void> {
    const { state } = this.#parts;
    const hostname = hostnameOf(request);
    if (hostname === authDomain(state)) return void this.#team(request, response);
    if (hostname === GOOGLE_HOST) return void this.#google(request, response);
    if (request.url?.startsWith("/cdn-cgi/access/") && applicationAt(state, hostname))
      return void this.#site(request, response);
    const pass = await this.#admit(request, response, hostname);
    if (!pass) return;
    if (Number(request.headers["content-length"] ?? 0) > BODY_LIMIT)
      return this.#error(response, 413, "Payload Too Large", hostname);
    await this.#proxy(request, response, hostname, pass);
  }

  /** Whether a request may continue; if not, it has been responded to. */
  async #admit(request: EdgeRequest, response: Response, hostname: string): Promise<Pass | undefined> {
    const { state, tokens } = this.#parts;
    // Only proxied records lead to the edge.
    if (this.tunnelOf(hostname) === undefined) {
      this.#error(response, 530, "DNS resolution error", hostname, 1001);
      return undefined;
    }
    const app = applicationAt(state, hostname);
    if (!app) return { kind: "pass" };
    if (request.headers["cf-access-metadata-request"] === "true")
      response.setHeader("cf-access-metadata", await tokens.metadata(app, hostname));
    const decision = await passage(state, tokens, app, {
      headers: request.headers,
      hostname,
      path: request.url ?? "/",
    });
    if (decision.kind === "pass") {
      if (decision.fresh) {
        const { token, seconds } = decision.fresh;
        response.appendHeader("set-cookie", serialize(COOKIE, token, cookieOptions(app.options, seconds)));
      }
      return decision;
    }
    if (decision.kind === "login")
      response
        .writeHead(302, { location: decision.location, "cache-control": "no-store", server: "cloudflare" })
        .end();
    else {
      response.writeHead(decision.status, {
        "content-type": "text/html; charset=utf-8",
        server: "cloudflare",
      });
      response.end(String(await forbidden()));
    }
    return undefined;
  }

  /** Opens a request to a hostname's connector, or responds with the error. */
  #open(request: EdgeRequest, response: Response, hostname: string, pass: Pass, websocket: boolean) {
    const session = this.#parts.connectors.session(this.tunnelOf(hostname) ?? "");
    if (!session) {
      this.#error(response, 530, "Cloudflare Tunnel error", hostname, 1033);
      return undefined;
    }
    const headers = { ...visitorHeaders(request.headers), ...edgeHeaders(request, pass) };
    return open(session, {
      method: request.method ?? "GET",
      path: request.url ?? "/",
      hostname,
      headers,
      websocket,
    });
  }

  async #proxy(request: EdgeRequest, response: Response, hostname: string, pass: Pass): Promise<void> {
    const stream = this.#open(request, response, hostname, pass, false);
    if (!stream) return;
    response.on("close", () => stream.destroy());
    pipeline(request as IncomingMessage, limited(), stream, () => {});
    stream.setTimeout(READ_TIMEOUT, () => {
      this.#error(response, 524, "A timeout occurred", hostname);
      stream.destroy();
    });
    const answer = await answerOf(stream).catch(() => undefined);
    if (response.destroyed || response.writableEnded) return;
    if (!answer?.fromOrigin) return this.#error(response, 502, "Bad gateway", hostname);
    this.#begin(response, answer);
    pipeline(stream, response, () => {});
  }

  #begin(response: Response, answer: Answer): void {
    for (const [name, value] of answer.headers)
      if (name.toLowerCase() !== "server") response.appendHeader(name, value);
    response.setHeader("server", "cloudflare");
    response.writeHead(answer.status);
    response.flushHeaders();
  }

  async #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    socket.on("error", () => socket.destroy());
    socket.setMaxListeners(20); // Node's own, and both directions'
    const response = new ServerResponse(request);
    response.assignSocket(socket as Socket);
    response.shouldKeepAlive = false;
    response.on("finish", () => response.statusCode !== 101 && socket.end());
    const hostname = hostnameOf(request);
    const pass = await this.#admit(request, response, hostname);
    const stream = pass && this.#open(request, response, hostname, pass, true);
    if (!stream) return;
    socket.on("close", () => stream.destroy());
    const answer = await answerOf(stream).catch(() => undefined);
    if (!answer?.fromOrigin) return this.#error(response, 502, "Bad gateway", hostname);
    const accepted = answer.headers.some(([name]) => name.toLowerCase() === "sec-websocket-accept");
    if (!accepted || answer.status !== 200) {
      this.#begin(response, answer);
      return void pipeline(stream, response, () => {});
    }
    const upgraded = [...answer.headers, ["connection", "Upgrade"], ["upgrade", "websocket"]] as const;
    this.#begin(response, { ...answer, status: 101, headers: upgraded });
    response.detachSocket(socket as Socket);
    if (head.length > 0) socket.unshift(head);
    (socket as Socket).setTimeout(WEBSOCKET_TIMEOUT, () => socket.destroy());
    pipeline(socket, stream, socket, () => {});
  }
}
