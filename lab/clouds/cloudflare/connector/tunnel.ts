/** One outbound connection to the edge, which sends requests over it: re-established until it is stopped. */
import { EventEmitter, once } from "node:events";
import {
  createServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import { setTimeout as wait } from "node:timers/promises";
import { connect, type TLSSocket } from "node:tls";
import { type Configuration, findRule, type Rule, readRules } from "./ingress.ts";
import type { Network } from "./network.ts";
import { answerItself, answerStatus, type Origin, origin } from "./origin.ts";
import {
  CONTROL_STREAM,
  type ConfigurationApplied,
  type ConfigurationUpdate,
  type Registered,
  type Registration,
  SESSION,
  SESSION_WINDOW,
  UPDATE_CONFIGURATION,
  UPGRADE,
} from "./wire.ts";

export interface TunnelOptions {
  readonly registration: Registration;
  /** The edge's address for connectors. */
  readonly edge: { readonly host: string; readonly port: number };
  readonly network: Network;
  readonly log: (text: string) => void;
  /** Milliseconds before the first retry; doubled for each one after, up to a minute. */
  readonly backoff: number;
  /** Consecutive rejections after which it gives up. */
  readonly retries: number;
}

class Refused extends Error {}

/** Server name in the edge's certificate. */
const SERVER_NAME = "region1.v2.argotunnel.com";

async function text(stream: AsyncIterable<Buffer>): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of stream) parts.push(part);
  return Buffer.concat(parts).toString("utf8");
}

export class Tunnel extends EventEmitter<{ ready: [boolean] }> {
  readonly #options: TunnelOptions;
  readonly #stopping = new AbortController();
  #rules: readonly { rule: Rule; serve: Origin }[] = [];
  #version = -1;
  #socket: TLSSocket | undefined;
  #session: ServerHttp2Session | undefined;
  #control: ServerHttp2Stream | undefined;
  #ready = false;

  constructor(options: TunnelOptions) {
    super();
    this.#options = options;
  }

  /** Whether the edge has registered this connector. */
  get ready(): boolean {
    return this.#ready;
  }

  /** Serves until it is stopped. Throws if the edge keeps rejecting the tunnel. */
  async run(): Promise<void> {
    const { backoff, retries, log } = this.#options;
    let failures = 0;
    while (!this.#stopping.signal.aborted) {
      try {
        await this.#serve(() => {
          failures = 0;
        });
      } catch (error) {
        failures++;
        log(
          `ERR ${error instanceof Refused ? "Register tunnel error from server side" : "Unable to establish connection with Cloudflare edge"} error="${(error as Error).message}"`,
        );
        if (error instanceof Refused && failures > retries) throw error;
      }
      if (this.#stopping.signal.aborted) return;
      const delay = Math.min(backoff * 2 ** Math.max(failures - 1, 0), 60_000);
      log(`INF Retrying connection in up to ${delay / 1000}s`);
      await wait(delay, undefined, { signal: this.#stopping.signal }).catch(() => {});
    }
  }

  /** Accepts no more requests, and lets running ones finish within `grace` milliseconds. */
  stop(grace = 0): void {
    this.#stopping.abort();
    const socket = this.#socket;
    if (grace === 0 || !this.#session) return void socket?.destroy();
    this.#control?.end();
    this.#session.close(() => socket?.destroy());
    setTimeout(() => socket?.destroy(), grace).unref();
  }

  async #serve(registered: () => void): Promise<void> {
    const { edge, network } = this.#options;
    const socket = connect({ ...edge, servername: SERVER_NAME, ca: network.ca, ALPNProtocols: ["h2"] });
    this.#socket = socket;
    socket.setNoDelay(true);
    await once(socket, "secureConnect");
    let refusal: Refused | undefined;
    const server = this.#server({
      onRegistered: registered,
      onRefused: (error) => {
        refusal = error;
        socket.destroy();
      },
    });
    socket.on("error", () => {});
    server.emit("connection", socket);
    await new Promise((resolve) => socket.once("close", resolve));
    this.#setReady(false);
    if (refusal) throw refusal;
    if (!this.#stopping.signal.aborted) this.#options.log("ERR Connection terminated");
  }

  #server(on: { onRegistered(): void; onRefused(error: Refused): void }): Http2Server {
    const server = createServer(SESSION);
    server.on("sessionError", () => {});
    server.on("session", (session) => {
      this.#session = session;
      session.setLocalWindowSize(SESSION_WINDOW);
    });
    server.on("stream", (stream, headers) => {
      stream.on("error", () => {});
      const kind = headers[UPGRADE];
      const done =
        kind === CONTROL_STREAM
          ? this.#register(stream, on)
          : kind === UPDATE_CONFIGURATION
            ? this.#configure(stream)
            : this.#proxy(stream, headers);
      done.catch((error: Error) => {
        this.#options.log(`ERR failed to serve incoming request error="${error.message}"`);
        answerItself(stream, 502);
      });
    });
    return server;
  }

  async #register(
    stream: ServerHttp2Stream,
    on: { onRegistered(): void; onRefused(error: Refused): void },
  ): Promise<void> {
    this.#control = stream;
    stream.respond({ ":status": 200 });
    stream.write(JSON.stringify(this.#options.registration));
    const [answer] = (await once(stream, "data")) as [Buffer];
    const registered = JSON.parse(answer.toString("utf8")) as Registered;
    if ("error" in registered) return on.onRefused(new Refused(registered.error));
    this.#options.log(
      `INF Registered tunnel connection connIndex=0 connection=${registered.connection} location=${registered.location} protocol=http2`,
    );
    on.onRegistered();
    this.#setReady(true);
    stream.resume();
  }

  async #configure(stream: ServerHttp2Stream): Promise<void> {
    const { version, config } = JSON.parse(await text(stream)) as ConfigurationUpdate;
    const applied: ConfigurationApplied = { lastAppliedVersion: version, err: null };
    try {
      const rules = readRules(config as Configuration, this.#options.network);
      this.#rules = rules.map((rule) => ({ rule, serve: origin(rule, this.#options.log) }));
      this.#version = version;
      this.#options.log(
        `INF Updated to new configuration config=${JSON.stringify(config)} version=${version}`,
      );
    } catch (error) {
      applied.err = (error as Error).message;
      applied.lastAppliedVersion = this.#version;
      this.#options.log(`ERR Failed to update configuration error="${applied.err}" version=${version}`);
    }
    stream.respond({ ":status": 200 });
    stream.end(JSON.stringify(applied));
  }

  async #proxy(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): Promise<void> {
    const rules = this.#rules.map(({ rule }) => rule);
    const path = (headers[":path"] ?? "/").replace(/\?.*$/, "");
    const rule = findRule(rules, headers[":authority"] ?? "", path);
    // A tunnel without rules.
    if (!rule) return answerStatus(stream, 503);
    const assertion = headers["cf-access-jwt-assertion"];
    const verdict = await rule.access?.(typeof assertion === "string" ? assertion : undefined);
    if (verdict && !verdict.pass) {
      this.#options.log(
        `ERR  error="request filtered by middleware handler (AccessJWTValidator) due to: ${verdict.reason}" ingressRule=${rules.indexOf(rule)}`,
      );
      return verdict.status === 403 ? answerStatus(stream, 403) : answerItself(stream, 502);
    }
    this.#rules[rules.indexOf(rule)]?.serve(stream, headers);
  }

  #setReady(ready: boolean): void {
    if (this.#ready === ready) return;
    this.#ready = ready;
    this.emit("ready", ready);
  }
}
