/** The whole API: `/client/v4`. */
import { Hono, type MiddlewareHandler } from "hono";
import { HTTPException } from "hono/http-exception";
import { newTag, type State } from "../state.ts";
import { accessApps } from "./access-apps.ts";
import { identityProviders, organization } from "./access-organization.ts";
import { accessPolicies } from "./access-policies.ts";
import { serviceTokens } from "./access-service-tokens.ts";
import { dns } from "./dns.ts";
import { ApiError, failure } from "./envelope.ts";
import { type ApiEnv, authenticate } from "./permissions.ts";
import { type TunnelEvents, tunnels } from "./tunnels.ts";
import { zones } from "./zones.ts";

/** Cloudflare's rate limit per user in five minutes. */
const LIMIT = 1200;

function checkAccount(state: State, account: string, path: string): void {
  if (account === state.account.id) return;
  if (/^[0-9a-f]{32}$/.test(account))
    throw new ApiError(403, { code: 10000, message: "Authentication error" });
  throw new ApiError(404, {
    code: 7003,
    message: `Could not route to ${path}, perhaps your object identifier is invalid?`,
  });
}

function checkAccess(state: State): void {
  if (state.accessEnabled) return;
  throw new ApiError(400, {
    code: 9999,
    message:
      "access.api.error.not_enabled: Access is not enabled. Visit the Access dashboard at https://dash.cloudflare.com/ and click the 'Enable Access' button.",
  });
}

/** The API's handler; `before` runs first. */
export function api(
  state: State,
  tokens: ReadonlyMap<string, ReadonlySet<string>>,
  events: TunnelEvents,
  before: readonly MiddlewareHandler[],
): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>().basePath("/client/v4");
  app.use(async (c, next) => {
    await next();
    c.header("CF-Ray", `${newTag().slice(0, 16)}-TST`);
    c.header("Ratelimit-Policy", `"default";q=${LIMIT};w=300`);
    c.header("Ratelimit", `"default";r=${c.res.status === 429 ? 0 : LIMIT - 1};t=300`);
  });
  for (const each of before) app.use(each);
  app.use(authenticate(tokens));
  app.use("/accounts/:account/*", async (c, next) => {
    const path = c.req.path.replace("/client/v4", "");
    checkAccount(state, c.req.param("account"), path);
    if (path.split("/")[3] === "access") checkAccess(state);
    await next();
  });
  for (const part of [zones, dns, organization, identityProviders, serviceTokens, accessPolicies, accessApps])
    app.route("/", part(state));
  app.route("/", tunnels(state, events));
  app.notFound((c) => {
    const path = c.req.path.replace("/client/v4", "");
    const message = `No route for that URI (the stand-in for Cloudflare doesn't cover ${c.req.method} ${path})`;
    return c.json(failure([{ code: 7000, message }]), 404);
  });
  app.onError((error, c) => {
    if (error instanceof ApiError) return c.json(failure(error.problems), error.status);
    if (error instanceof HTTPException) return error.getResponse();
    return c.json(
      failure([{ code: 10001, message: `the stand-in for Cloudflare failed: ${error.stack}` }]),
      500,
    );
  });
  return app;
}
