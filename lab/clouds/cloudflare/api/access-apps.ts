/** Access applications of type `self_hosted`. */
import { randomUUID } from "node:crypto";
import { Hono } from "hono";
import { z } from "zod";
import { type Application, hex, now, type State } from "../state.ts";
import { invalidRequest, notFound, SessionDuration } from "./access.ts";
import { shownPolicy } from "./access-policies.ts";
import { ApiError, filters, input, ok, page } from "./envelope.ts";
import { type ApiEnv, governedBy, wants } from "./permissions.ts";

/** Options that are stored and returned, and do not affect access. */
const Options = z.strictObject({
  app_launcher_visible: z.boolean().default(true),
  http_only_cookie_attribute: z.boolean().default(true),
  logo_url: z.string().optional(),
  tags: z.array(z.string()).default([]),
  custom_deny_message: z.string().optional(),
  // Features that the edge lacks are accepted while they are off.
  enable_binding_cookie: z.literal(false).default(false),
  options_preflight_bypass: z.literal(false).default(false),
  skip_interstitial: z.boolean().optional(),
  allow_authenticate_via_warp: z.literal(false).optional(),
  allow_iframe: z.literal(false).optional(),
  path_cookie_attribute: z.literal(false).optional(),
  skip_app_launcher_login_page: z.literal(false).optional(),
  same_site_cookie_attribute: z.enum(["none", "lax", "strict"]).optional(),
});

const Body = z.strictObject({
  ...Options.shape,
  name: z.string().min(1),
  type: z.literal("self_hosted", "the stand-in for Cloudflare has self_hosted applications only"),
  domain: z.string().optional(),
  session_duration: SessionDuration.default("24h"),
  allowed_idps: z.array(z.string()).default([]),
  auto_redirect_to_identity: z.boolean().default(false),
  service_auth_401_redirect: z.boolean().default(false),
  policies: z.array(z.strictObject({ id: z.string(), precedence: z.int().positive().optional() })).optional(),
  destinations: z.array(z.strictObject({ type: z.literal("public"), uri: z.string() })).optional(),
  self_hosted_domains: z.array(z.string()).optional(),
});
type Body = z.infer<typeof Body>;

/** Hostnames of an application: https://developers.cloudflare.com/cloudflare-one/account-limits/ (domains per application). */
const MOST_HOSTNAMES = 5;

/** The hostnames of an application, `domain` first. */
function hostnamesOf(state: State, body: Body): string[] {
  // Destinations supersede the older list.
  const listed = body.destinations?.map(({ uri }) => uri) ?? body.self_hosted_domains ?? [];
  const domain = body.domain ?? listed[0];
  if (domain === undefined) throw invalidRequest("domain is required");
  // A changed `domain` alone moves the application: clients also send its old destination.
  if (!listed.includes(domain) && listed.length > 1)
    throw invalidRequest("the stand-in for Cloudflare wants domain to be one of the destinations");
  const hostnames = [...new Set([domain, ...(listed.includes(domain) ? listed : [])])];
  if (hostnames.length > MOST_HOSTNAMES)
    throw invalidRequest(`an application has at most ${MOST_HOSTNAMES} domains`);
  for (const hostname of hostnames) {
    if (hostname.includes("/") || hostname.includes("*"))
      throw invalidRequest("the stand-in for Cloudflare has applications for whole hostnames only");
    if (hostname !== state.zone.name && !hostname.endsWith(`.${state.zone.name}`))
      throw invalidRequest(`domain '${hostname}' does not belong to a zone of the account`);
  }
  return hostnames;
}

function policiesOf(state: State, given: NonNullable<Body["policies"]>): Application["policies"] {
  const policies = given.map(({ id, precedence }, index) => ({ id, precedence: precedence ?? index + 1 }));
  const missing = policies.find(({ id }) => !state.policies.has(id));
  if (missing) throw invalidRequest(`policy '${missing.id}' not found`);
  if (new Set(policies.map(({ precedence }) => precedence)).size < policies.length)
    throw invalidRequest("policy precedences must be unique");
  return policies.sort((a, b) => a.precedence - b.precedence);
}

/** An application in the API's form. */
function shown(state: State, app: Application) {
  const { options, revokedBefore: _, policies, hostnames, ...rest } = app;
  return {
    ...rest,
    ...options,
    uid: app.id,
    type: "self_hosted",
    domain_type: "public",
    self_hosted_domains: hostnames,
    destinations: hostnames.map((uri) => ({ type: "public", uri })),
    policies: policies.flatMap(({ id, precedence }) => {
      const policy = state.policies.get(id);
      return policy ? [{ ...shownPolicy(state, policy), precedence }] : [];
    }),
  };
}

function write(state: State, body: Body, before?: Application): Application {
  const hostnames = hostnamesOf(state, body);
  const [domain = ""] = hostnames;
  const taken = [...state.applications.values()].some(
    (each) => each.id !== before?.id && each.hostnames.some((hostname) => hostnames.includes(hostname)),
  );
  if (taken) throw new ApiError(409, { code: 11010, message: "access.api.error.application_already_exists" });
  const unknown = body.allowed_idps.find((id) => !state.identityProviders.has(id));
  if (unknown !== undefined) throw invalidRequest(`identity provider '${unknown}' not found`);
  if (body.auto_redirect_to_identity && body.allowed_idps.length !== 1)
    throw invalidRequest("auto_redirect_to_identity requires exactly one identity provider in allowed_idps");
  const options = Options.parse(
    Object.fromEntries(Object.keys(Options.shape).map((key) => [key, body[key as keyof Body]])),
  );
  const app: Application = {
    id: before?.id ?? randomUUID(),
    aud: before?.aud ?? hex(32),
    name: body.name,
    domain,
    hostnames,
    session_duration: body.session_duration,
    allowed_idps: body.allowed_idps,
    auto_redirect_to_identity: body.auto_redirect_to_identity,
    service_auth_401_redirect: body.service_auth_401_redirect,
    options,
    policies: body.policies === undefined ? (before?.policies ?? []) : policiesOf(state, body.policies),
    created_at: before?.created_at ?? now(),
    updated_at: now(),
    revokedBefore: before?.revokedBefore ?? 0,
  };
  state.applications.set(app.id, app);
  return app;
}

const PATH = "/accounts/:account/access/apps";

export function accessApps(state: State): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>();
  const find = (id: string): Application => {
    const found = state.applications.get(id);
    if (!found) throw notFound("application");
    return found;
  };
  app.post(`${PATH}/:id/revoke_tokens`, wants("Access: Apps and Policies Revoke"), (c) => {
    find(c.req.param("id")).revokedBefore = Date.now();
    return ok(c, {}, 202);
  });
  app.use(`${PATH}/*`, governedBy("Access: Apps and Policies"));
  app.get(PATH, (c) => {
    const query = filters(c, ["name", "domain", "aud", "exact"]);
    const found = [...state.applications.values()].filter(
      (each) =>
        (query.name ?? each.name) === each.name &&
        (query.domain ?? each.domain) === each.domain &&
        (query.aud ?? each.aud) === each.aud,
    );
    return page(
      c,
      found.map((each) => shown(state, each)),
      25,
    );
  });
  app.post(PATH, async (c) => ok(c, shown(state, write(state, await input(c, Body, invalidRequest))), 201));
  app.get(`${PATH}/:id`, (c) => ok(c, shown(state, find(c.req.param("id")))));
  app.put(`${PATH}/:id`, async (c) => {
    const before = find(c.req.param("id"));
    return ok(c, shown(state, write(state, await input(c, Body, invalidRequest), before)));
  });
  app.delete(`${PATH}/:id`, (c) => {
    const { id } = find(c.req.param("id"));
    state.applications.delete(id);
    return ok(c, { id }, 202);
  });
  return app;
}
