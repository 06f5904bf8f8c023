/** Zones, accounts and the token's status. */
import { Hono } from "hono";
import { now, type State } from "../state.ts";
import { ApiError, filters, ok, page } from "./envelope.ts";
import { type ApiEnv, may, wants } from "./permissions.ts";

function shown({ account, zone }: State) {
  return {
    id: zone.id,
    name: zone.name,
    status: "active",
    paused: false,
    type: "full",
    development_mode: 0,
    name_servers: ["ada.ns.cloudflare.com", "bob.ns.cloudflare.com"],
    original_name_servers: null,
    original_registrar: null,
    original_dnshost: null,
    created_on: zone.created_on,
    modified_on: zone.created_on,
    activated_on: zone.created_on,
    meta: {
      step: 2,
      custom_certificate_quota: 0,
      page_rule_quota: 3,
      phishing_detected: false,
      cdn_only: false,
      foundation_dns: false,
    },
    owner: { id: null, type: "user", email: null },
    account,
    tenant: { id: null, name: null },
    tenant_unit: { id: null },
    permissions: ["#dns_records:edit", "#dns_records:read", "#zone:read"],
    plan: {
      id: "0feeeeeeeeeeeeeeeeeeeeeeeeeeeeee",
      name: "Free Website",
      price: 0,
      currency: "USD",
      frequency: "",
      is_subscribed: false,
      can_subscribe: false,
      legacy_id: "free",
      legacy_discount: false,
      externally_managed: false,
    },
  };
}

export function zones(state: State): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>();
  app.get("/user/tokens/verify", (c) => ok(c, { id: state.account.id, status: "active", not_before: now() }));
  app.get("/accounts", wants("Account Settings Read"), (c) =>
    page(c, [{ ...state.account, type: "standard", settings: { enforce_twofactor: false } }]),
  );
  app.get("/zones", (c) => {
    const query = filters(c, ["name", "status", "account.id", "account.name"]);
    // A token without permission to read zones gets an empty list, without an error.
    const zone = { name: state.zone.name, status: "active" };
    const found =
      may(c, "Zone Read") &&
      (query.name ?? zone.name) === zone.name &&
      (query.status ?? zone.status) === zone.status &&
      (query["account.id"] ?? state.account.id) === state.account.id &&
      (query["account.name"] ?? state.account.name) === state.account.name;
    return page(c, found ? [shown(state)] : []);
  });
  app.get("/zones/:zone", (c) => {
    const path = c.req.path.replace(/^\/client\/v4/, "");
    if (c.req.param("zone") !== state.zone.id)
      throw new ApiError(404, {
        code: 7003,
        message: `Could not route to ${path}, perhaps your object identifier is invalid?`,
      });
    if (!may(c, "Zone Read"))
      throw new ApiError(403, { code: 9109, message: "Unauthorized to access requested resource" });
    return ok(c, shown(state));
  });
  return app;
}
