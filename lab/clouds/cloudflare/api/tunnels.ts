/** Tunnels, their connectors' tokens and connections. */
import { randomBytes, randomUUID } from "node:crypto";
import { Hono } from "hono";
import { z } from "zod";
import { now, type State, type Tunnel } from "../state.ts";
import { ApiError, filters, input, ok, page } from "./envelope.ts";
import { type ApiEnv, governedBy } from "./permissions.ts";
import { configurations } from "./tunnel-config.ts";

/** Changes of a tunnel that its connectors must learn of. */
export interface TunnelEvents {
  configured(tunnel: Tunnel): void;
  /** Closes its connections (only `client`'s, if given). */
  disconnect(tunnel: Tunnel, client?: string): void;
}

const refuse = (code: number, message: string) => new ApiError(400, { code, message });
const invalid = (message: string) => refuse(1001, `Invalid request: ${message}`);

const Secret = z
  .base64()
  .refine((text) => Buffer.from(text, "base64").length >= 32, "must be 32 bytes at least, in base64");

const Body = z.strictObject({
  name: z.string().min(1).max(100),
  tunnel_secret: Secret.optional(),
  config_src: z.enum(["local", "cloudflare"]).default("local"),
});

const Change = z.strictObject({
  name: Body.shape.name.optional(),
  tunnel_secret: Secret.optional(),
  config_src: z.enum(["local", "cloudflare"]).optional(),
});

function status(tunnel: Tunnel): string {
  if (tunnel.connections.length > 0) return "healthy";
  return tunnel.conns_active_at === null ? "inactive" : "down";
}

function shown(state: State, tunnel: Tunnel) {
  return {
    id: tunnel.id,
    account_tag: state.account.id,
    created_at: tunnel.created_at,
    deleted_at: tunnel.deleted_at,
    name: tunnel.name,
    connections: tunnel.connections,
    conns_active_at: tunnel.conns_active_at,
    conns_inactive_at: tunnel.conns_inactive_at,
    tun_type: "cfd_tunnel",
    metadata: {},
    status: status(tunnel),
    remote_config: tunnel.config_src === "cloudflare",
    config_src: tunnel.config_src,
  };
}

/** The value for `cloudflared tunnel run --token`. */
export function connectorToken(state: State, tunnel: Tunnel): string {
  const content = { a: state.account.id, t: tunnel.id, s: tunnel.secret };
  return Buffer.from(JSON.stringify(content)).toString("base64");
}

function checkName(state: State, name: string, self?: string): void {
  const taken = [...state.tunnels.values()].some(
    (other) => other.id !== self && other.deleted_at === null && other.name === name,
  );
  if (taken)
    throw new ApiError(409, {
      code: 1013,
      message:
        "You already have a tunnel with this name. Delete the existing tunnel, or choose a different name for your new tunnel",
    });
}

function create(state: State, body: z.infer<typeof Body>): Tunnel {
  checkName(state, body.name);
  const tunnel: Tunnel = {
    id: randomUUID(),
    name: body.name,
    secret: body.tunnel_secret ?? randomBytes(32).toString("base64"),
    config_src: body.config_src,
    created_at: now(),
    deleted_at: null,
    conns_active_at: null,
    conns_inactive_at: null,
    connections: [],
    config: null,
    configVersion: 0,
    configuredAt: now(),
  };
  state.tunnels.set(tunnel.id, tunnel);
  return tunnel;
}

/** A tunnel by its id, including deleted ones, which the API still returns. */
function find(state: State, id: string): Tunnel {
  const found = state.tunnels.get(id);
  if (!found) throw new ApiError(404, { code: 1003, message: "Tunnel not found" });
  return found;
}

function findLive(state: State, id: string): Tunnel {
  const found = find(state, id);
  if (found.deleted_at !== null) throw new ApiError(404, { code: 1003, message: "Tunnel not found" });
  return found;
}

/** Connections by connector, as in `…/connections`. */
function connectors(tunnel: Tunnel) {
  return [...new Set(tunnel.connections.map((each) => each.client_id))].map((client) => {
    const conns = tunnel.connections.filter((each) => each.client_id === client);
    return {
      id: client,
      arch: "linux_amd64",
      config_version: tunnel.configVersion,
      conns,
      features: [],
      run_at: conns[0]?.opened_at,
      version: conns[0]?.client_version,
    };
  });
}

/** Calls about a tunnel's connectors. */
function connectorCalls(state: State, events: TunnelEvents): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>();
  app.get("/:id/token", (c) => ok(c, connectorToken(state, findLive(state, c.req.param("id")))));
  app.get("/:id/connections", (c) => ok(c, connectors(findLive(state, c.req.param("id")))));
  app.delete("/:id/connections", (c) => {
    events.disconnect(findLive(state, c.req.param("id")), c.req.query("client_id"));
    return ok(c, {});
  });
  app.route(
    "/",
    configurations((id) => findLive(state, id), events),
  );
  return app;
}

export function tunnels(state: State, events: TunnelEvents): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>().basePath("/accounts/:account/cfd_tunnel");
  app.use(governedBy("Cloudflare Tunnel"));
  app.get("/", (c) => {
    const query = filters(c, ["name", "is_deleted", "uuid", "status"]);
    const found = [...state.tunnels.values()].filter(
      (tunnel) =>
        (query.name ?? tunnel.name) === tunnel.name &&
        (query.uuid ?? tunnel.id) === tunnel.id &&
        (query.status ?? status(tunnel)) === status(tunnel) &&
        (query.is_deleted === undefined || query.is_deleted === String(tunnel.deleted_at !== null)),
    );
    return page(
      c,
      found.map((tunnel) => shown(state, tunnel)),
      100,
    );
  });
  app.post("/", async (c) => {
    const tunnel = create(state, await input(c, Body, invalid));
    const credentials_file = {
      AccountTag: state.account.id,
      TunnelID: tunnel.id,
      TunnelName: tunnel.name,
      TunnelSecret: tunnel.secret,
    };
    return ok(c, { ...shown(state, tunnel), credentials_file, token: connectorToken(state, tunnel) });
  });
  app.get("/:id", (c) => ok(c, shown(state, find(state, c.req.param("id")))));
  app.patch("/:id", async (c) => {
    const tunnel = findLive(state, c.req.param("id"));
    const change = await input(c, Change, invalid);
    if (change.name !== undefined) checkName(state, change.name, tunnel.id);
    tunnel.name = change.name ?? tunnel.name;
    tunnel.secret = change.tunnel_secret ?? tunnel.secret;
    tunnel.config_src = change.config_src ?? tunnel.config_src;
    return ok(c, shown(state, tunnel));
  });
  app.delete("/:id", (c) => {
    const tunnel = findLive(state, c.req.param("id"));
    if (tunnel.connections.length > 0)
      throw refuse(1022, "Cannot delete tunnel because it has active connections");
    tunnel.deleted_at = now();
    return ok(c, shown(state, tunnel));
  });
  app.route("/", connectorCalls(state, events));
  return app;
}
