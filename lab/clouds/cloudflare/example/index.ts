/**
 * An example for the stand-in's own tests: three hostnames (one behind Access for people and machines, one
 * for machines only, one open), an origin, a TCP echo server, and an in-process connector.
 */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createTcpServer, type Server as TcpServer } from "node:net";
import { setTimeout as wait } from "node:timers/promises";
import { WebSocketServer } from "ws";
import { readToken } from "../connector/cloudflared.ts";
import type { Network } from "../connector/network.ts";
import { Tunnel } from "../connector/tunnel.ts";
import { type Cloudflare, LEAST_PERMISSIONS, startCloudflare } from "../index.ts";
import { ApiClient } from "./api-client.ts";

export const GOOGLE = { clientId: "google-client", clientSecret: "google-secret" };
/** Admits people of example.com except gone@example.com, and one service token. */
export const SITE = "shop-code.example.com";
export const OPEN = "open.example.com";
/** Admits only the service token. */
export const SSH = "ssh-code.example.com";
/** A record without an application. */
export const SPARE = "spare.example.com";

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

const port = (server: Server | TcpServer): number => (server.address() as { port: number }).port;

export class Example {
  readonly cloudflare: Cloudflare;
  readonly api: ApiClient;
  readonly network: Network;
  /** The origin's requests since the last visit. */
  seen: IncomingMessage[] = [];
  tunnelId = "";
  /** Audience of the application at SITE. */
  aud = "";
  machine: Record<string, string> = {};
  #tunnel: Tunnel | undefined;
  #handler: Handler | undefined;
  readonly #origin = createServer((request, response) => {
    this.seen.push(request);
    if (this.#handler) return this.#handler(request, response);
    response.setHeader("set-cookie", ["a=1", "b=2"]);
    request.pipe(response);
  });
  readonly #echo = createTcpServer((socket) => socket.pipe(socket));

  constructor(cloudflare: Cloudflare) {
    this.cloudflare = cloudflare;
    this.api = new ApiClient(cloudflare, "token");
    const at = () => ({ host: "127.0.0.1", port: cloudflare.edge.httpsPort });
    this.network = { ca: readFileSync(cloudflare.caFile), at };
  }

  /** The tunnel's connector. */
  get tunnel(): Tunnel {
    if (!this.#tunnel) throw new Error("no connector has been started");
    return this.#tunnel;
  }

  /** Sets the origin's handler. Default: it echoes. */
  answer(handler?: Handler): void {
    this.#handler = handler;
  }

  /** Sends one request through the edge. */
  visit(path = "/", headers: Record<string, string> = {}, hostname = SITE): Promise<Response> {
    this.seen = [];
    return this.cloudflare.edge.fetch(`https://${hostname}${path}`, { headers });
  }

  /** A token for SITE, valid unless options change that. */
  sign(options: object = {}): Promise<string> {
    return this.cloudflare.sign({ application: SITE, email: "ann@example.com", ...options });
  }

  /** The tunnel's rules, after the given ones. */
  ingress(...first: object[]): object[] {
    const service = `http://127.0.0.1:${port(this.#origin)}`;
    const access = { required: true, teamName: "acme", audTag: [this.aud] };
    return [
      ...first,
      { hostname: SITE, service, originRequest: { access } },
      { hostname: OPEN, service },
      { hostname: SSH, service: `tcp://127.0.0.1:${port(this.#echo)}` },
      { service: "http_status:404" },
    ];
  }

  /** Configures the tunnel and waits until its connector applies it. Returns the connector's error. */
  async configure(ingress = this.ingress()): Promise<string | null> {
    const path = `${this.api.account}/cfd_tunnel/${this.tunnelId}/configurations`;
    const { version } = await this.api.result(path, { config: { ingress } }, "PUT");
    for (;;) {
      const { version: applied, complaint } = this.cloudflare.edge.applied(this.tunnelId);
      if (applied === version || complaint) return complaint;
      await wait(5);
    }
  }

  connector(token: string): Tunnel {
    return new Tunnel({
      registration: readToken(token, "11111111-2222-4333-8444-555555555555"),
      edge: { host: "127.0.0.1", port: this.cloudflare.edge.tunnelPort },
      network: this.network,
      log: () => {},
      backoff: 20,
      retries: 1,
    });
  }

  /** Starts a connector with the tunnel's token. */
  async connect(): Promise<void> {
    const path = `${this.api.account}/cfd_tunnel/${this.tunnelId}/token`;
    this.#tunnel = this.connector(await this.api.result(path, undefined, "GET"));
    void this.#tunnel.run();
    await once(this.#tunnel, "ready");
  }

  application(domain: string, policies: readonly { id: string }[], more: object = {}) {
    const ids = policies.map(({ id }) => ({ id }));
    const body = { name: domain, type: "self_hosted", domain, policies: ids, ...more };
    return this.api.result(`${this.api.account}/access/apps`, body);
  }

  async #access(): Promise<void> {
    const access = `${this.api.account}/access`;
    const token = await this.api.result(`${access}/service_tokens`, { name: "ci" });
    this.machine = { "CF-Access-Client-Id": token.client_id, "CF-Access-Client-Secret": token.client_secret };
    const config = { client_id: GOOGLE.clientId, client_secret: GOOGLE.clientSecret };
    await this.api.result(`${access}/identity_providers`, { name: "Google", type: "google", config });
    await this.api.result(`${access}/identity_providers`, { name: "PIN", type: "onetimepin", config: {} });
    const people = await this.api.result(`${access}/policies`, {
      name: "people",
      decision: "allow",
      include: [{ email_domain: { domain: "example.com" } }],
      exclude: [{ email: { email: "gone@example.com" } }],
      session_duration: "1h",
    });
    const include = [{ service_token: { token_id: token.id } }];
    const machines = await this.api.result(`${access}/policies`, {
      name: "machines",
      decision: "non_identity",
      include,
    });
    ({ aud: this.aud } = await this.application(SITE, [people, machines]));
    await this.application(SSH, [machines]);
  }

  async start(): Promise<void> {
    this.#origin.listen(0, "127.0.0.1");
    this.#echo.listen(0, "127.0.0.1");
    await Promise.all([once(this.#origin, "listening"), once(this.#echo, "listening")]);
    new WebSocketServer({ server: this.#origin }).on("connection", (socket) =>
      socket.on("message", (data, binary) => socket.send(data, { binary })),
    );
    const tunnel = { name: "example", config_src: "cloudflare" };
    ({ id: this.tunnelId } = await this.api.result(`${this.api.account}/cfd_tunnel`, tunnel));
    await this.#access();
    const content = `${this.tunnelId}.cfargotunnel.com`;
    for (const name of [SITE, OPEN, SSH, SPARE]) {
      const record = { type: "CNAME", name, content, ttl: 1, proxied: true };
      await this.api.result(`/zones/${this.cloudflare.zoneId}/dns_records`, record);
    }
    await this.connect();
    await this.configure();
  }

  async stop(): Promise<void> {
    this.#tunnel?.stop();
    this.#origin.closeAllConnections();
    this.#origin.close();
    this.#echo.close();
    await this.cloudflare.stop();
  }
}

export async function startExample(): Promise<Example> {
  const cloudflare = await startCloudflare({
    domain: "example.com",
    teamName: "acme",
    tokens: { token: LEAST_PERMISSIONS },
    ports: { https: 0, tunnel: 0 },
    google: [GOOGLE],
  });
  const example = new Example(cloudflare);
  await example.start();
  return example;
}
