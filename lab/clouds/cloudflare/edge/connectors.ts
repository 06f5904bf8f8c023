/** The edge's side of tunnels: connectors dial in, prove the tunnel's secret, and get its configuration. */
import { randomUUID, timingSafeEqual } from "node:crypto";
import { once } from "node:events";
import { type ClientHttp2Session, connect } from "node:http2";
import { createServer, type Server, type TLSSocket } from "node:tls";
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
} from "../connector/wire.ts";
import { now, type State, type Tunnel, type TunnelConnection } from "../state.ts";
import type { Certificates } from "./certificates.ts";

interface Connector {
  readonly tunnel: Tunnel;
  readonly session: ClientHttp2Session;
  readonly shown: TunnelConnection;
  /** Version of the configuration in use. */
  applied: number;
  /** Its error for the last configuration. */
  complaint: string | null;
}

const LOCATION = "tst01";

export class Connectors {
  readonly #state: State;
  readonly #server: Server;
  readonly #connectors = new Set<Connector>();
  readonly #sockets = new Set<TLSSocket>();

  constructor(state: State, { key, certificate }: Certificates) {
    this.#state = state;
    this.#server = createServer({ key, cert: certificate, ALPNProtocols: ["h2"] }, (socket) => {
      this.#sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => this.#sockets.delete(socket));
      this.#welcome(socket).catch(() => socket.destroy());
    });
    this.#server.on("tlsClientError", () => {});
  }

  async listen(port: number, host: string): Promise<number> {
    this.#server.listen(port, host);
    await once(this.#server, "listening");
    return (this.#server.address() as { port: number }).port;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** The session of a tunnel's connector; undefined without one. */
  session(tunnel: string): ClientHttp2Session | undefined {
    return [...this.#connectors].findLast((each) => each.tunnel.id === tunnel && !each.session.closed)
      ?.session;
  }

  /** Closes the connections of a tunnel, of one connector, or all. */
  drop(tunnel?: string, connector?: string): void {
    for (const each of this.#connectors)
      if (
        (tunnel === undefined || each.tunnel.id === tunnel) &&
        (connector === undefined || each.shown.client_id === connector)
      )
        each.session.destroy();
  }

  /** Sends a tunnel's configuration to its connectors. */
  configured(tunnel: Tunnel): void {
    for (const each of this.#connectors) if (each.tunnel === tunnel) this.#configure(each).catch(() => {});
  }

  /**
   * The lowest version of the configuration in use by a tunnel's connectors, and their error for the last
   * one.
   */
  applied(tunnel: string): { version: number; complaint: string | null } {
    const of = [...this.#connectors].filter((each) => each.tunnel.id === tunnel);
    const complaint = of.find((each) => each.complaint !== null)?.complaint ?? null;
    return { version: Math.min(...of.map((each) => each.applied)), complaint };
  }

  async #welcome(socket: TLSSocket): Promise<void> {
    const session = connect("https://edge", { ...SESSION, createConnection: () => socket });
    session.on("error", () => {});
    session.once("connect", () => session.setLocalWindowSize(SESSION_WINDOW));
    const control = session.request(
      { ":method": "POST", ":path": "/", [UPGRADE]: CONTROL_STREAM },
      { endStream: false },
    );
    control.on("error", () => {});
    // A stopping connector ends it, and gets no more requests.
    control.on("end", () => {
      control.end();
      session.close();
    });
    const [line] = (await once(control, "data")) as [Buffer];
    const registration = JSON.parse(line.toString("utf8")) as Registration;
    const answer = (registered: Registered) => control.write(JSON.stringify(registered));
    const tunnel = this.#authorized(registration);
    if (typeof tunnel === "string") {
      answer({ error: tunnel });
      return;
    }
    const connector = this.#add(tunnel, registration, session, socket);
    answer({ connection: connector.shown.id, location: LOCATION });
    await this.#configure(connector);
  }

  /** The tunnel that a connector is allowed to serve, or the reason why not. */
  #authorized({ account, tunnel: id, secret }: Registration): Tunnel | string {
    const tunnel = this.#state.tunnels.get(id);
    if (account !== this.#state.account.id || !tunnel || tunnel.deleted_at !== null)
      return "Unauthorized: Tunnel not found";
    const [given, wanted] = [Buffer.from(secret), Buffer.from(tunnel.secret)];
    const right = given.length === wanted.length && timingSafeEqual(given, wanted);
    return right ? tunnel : "Unauthorized: Invalid tunnel secret";
  }

  #add(
    tunnel: Tunnel,
    registration: Registration,
    session: ClientHttp2Session,
    socket: TLSSocket,
  ): Connector {
    const id = randomUUID();
    const shown: TunnelConnection = {
      id,
      uuid: id,
      client_id: registration.connector,
      client_version: registration.version,
      colo_name: LOCATION,
      is_pending_reconnect: false,
      opened_at: now(),
      origin_ip: socket.remoteAddress ?? "",
    };
    const connector: Connector = { tunnel, session, shown, applied: -1, complaint: null };
    this.#connectors.add(connector);
    tunnel.connections.push(shown);
    tunnel.conns_active_at ??= now();
    tunnel.conns_inactive_at = null;
    session.on("close", () => {
      this.#connectors.delete(connector);
      tunnel.connections.splice(tunnel.connections.indexOf(shown), 1);
      if (tunnel.connections.length === 0) tunnel.conns_inactive_at = now();
    });
    return connector;
  }

  async #configure(connector: Connector): Promise<void> {
    const { config, configVersion, config_src } = connector.tunnel;
    connector.complaint = null;
    // A tunnel that is not configured at Cloudflare has its own configuration, or none.
    if (config === null || config_src !== "cloudflare") return;
    const stream = connector.session.request({
      ":method": "POST",
      ":path": "/",
      [UPGRADE]: UPDATE_CONFIGURATION,
    });
    const update: ConfigurationUpdate = { version: configVersion, config };
    stream.end(JSON.stringify(update));
    const parts: Buffer[] = [];
    for await (const part of stream) parts.push(part as Buffer);
    const applied = JSON.parse(Buffer.concat(parts).toString("utf8")) as ConfigurationApplied;
    connector.applied = applied.lastAppliedVersion;
    connector.complaint = applied.err;
  }
}
