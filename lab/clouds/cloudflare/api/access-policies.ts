/** Reusable Access policies. */
import { randomUUID } from "node:crypto";
import { Hono } from "hono";
import { z } from "zod";
import { now, type Policy, type Rule, type State } from "../state.ts";
import { conflict, invalidRequest, notFound, SessionDuration } from "./access.ts";
import { input, ok, page } from "./envelope.ts";
import { type ApiEnv, governedBy } from "./permissions.ts";

/** Rule types that the edge evaluates, with each one's field. */
const RULES: Record<string, string | null> = {
  email: "email",
  email_domain: "domain",
  everyone: null,
  service_token: "token_id",
  any_valid_service_token: null,
  login_method: "id",
};

/** Rule types of the real Access that the stand-in doesn't evaluate. */
const OTHER_RULES = [
  "group",
  "auth_context",
  "auth_method",
  "azureAD",
  "certificate",
  "common_name",
  "geo",
  "device_posture",
  "email_list",
  "external_evaluation",
  "github-organization",
  "gsuite",
  "ip_list",
  "ip",
  "okta",
  "saml",
  "oidc",
  "linked_app_token",
  "cloudflare_account_member",
  "user_risk_score",
];

const Rules = z.array(z.record(z.string(), z.record(z.string(), z.unknown()))).default([]);

const Body = z.strictObject({
  name: z.string().min(1),
  decision: z.enum(["allow", "deny", "bypass", "non_identity"]),
  include: Rules,
  exclude: Rules,
  require: Rules,
  session_duration: SessionDuration.optional(),
  approval_required: z.literal(false).optional(),
  isolation_required: z.literal(false).optional(),
  purpose_justification_required: z.literal(false).optional(),
});
type Body = z.infer<typeof Body>;

function checkRule(state: State, list: string, rule: Record<string, Record<string, unknown>>): void {
  const bad = (why: string) => invalidRequest(`invalid '${list}' configuration`, why);
  const [type, ...more] = Object.keys(rule);
  if (type === undefined || more.length > 0) throw bad("a rule must have exactly one type");
  if (OTHER_RULES.includes(type))
    throw bad(`the stand-in for Cloudflare evaluates no rules of type '${type}'`);
  const field = RULES[type];
  if (field === undefined) throw bad(`unknown rule type: '${type}'`);
  const value = field === null ? undefined : rule[type]?.[field];
  if (field !== null && (typeof value !== "string" || value === ""))
    throw bad(`'${type}' must have '${field}'`);
  const unknown = Object.keys(rule[type] ?? {}).filter((key) => key !== field);
  if (unknown.length > 0) throw bad(`'${type}' has no '${unknown[0]}'`);
  if (type === "service_token" && !state.serviceTokens.has(String(value)))
    throw bad(`service token '${value}' not found`);
  if (type === "login_method" && !state.identityProviders.has(String(value)))
    throw bad(`identity provider '${value}' not found`);
}

function check(state: State, body: Body): void {
  for (const list of ["include", "exclude", "require"] as const)
    for (const rule of body[list]) checkRule(state, list, rule);
  if (body.include.length === 0) throw invalidRequest("'include' must have at least one rule");
}

const uses = (state: State, policy: string): number =>
  [...state.applications.values()].filter((app) => app.policies.some(({ id }) => id === policy)).length;

/** A policy in the API's form. */
export function shownPolicy(state: State, policy: Policy) {
  return { ...policy, reusable: true, app_count: uses(state, policy.id) };
}

function write(state: State, body: Body, before?: Policy): Policy {
  check(state, body);
  const policy: Policy = {
    id: before?.id ?? randomUUID(),
    name: body.name,
    decision: body.decision,
    include: body.include as Rule[],
    exclude: body.exclude as Rule[],
    require: body.require as Rule[],
    session_duration: body.session_duration,
    created_at: before?.created_at ?? now(),
    updated_at: now(),
  };
  state.policies.set(policy.id, policy);
  return policy;
}

export function accessPolicies(state: State): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>().basePath("/accounts/:account/access/policies");
  app.use(governedBy("Access: Apps and Policies"));
  const find = (id: string): Policy => {
    const found = state.policies.get(id);
    if (!found) throw notFound("policy");
    return found;
  };
  app.get("/", (c) =>
    page(
      c,
      [...state.policies.values()].map((each) => shownPolicy(state, each)),
    ),
  );
  app.post("/", async (c) =>
    ok(c, shownPolicy(state, write(state, await input(c, Body, invalidRequest))), 201),
  );
  app.get("/:id", (c) => ok(c, shownPolicy(state, find(c.req.param("id")))));
  app.put("/:id", async (c) => {
    const before = find(c.req.param("id"));
    return ok(c, shownPolicy(state, write(state, await input(c, Body, invalidRequest), before)));
  });
  app.delete("/:id", (c) => {
    const { id } = find(c.req.param("id"));
    if (uses(state, id) > 0) throw conflict("policy is in use by an application");
    state.policies.delete(id);
    return ok(c, { id }, 202);
  });
  return app;
}
