/** Access's service tokens for machines. */
import { randomUUID } from "node:crypto";
import { Hono } from "hono";
import { z } from "zod";
import { hex, now, type ServiceToken, type State } from "../state.ts";
import { invalidRequest, milliseconds, notFound } from "./access.ts";
import { input, ok, page } from "./envelope.ts";
import { type ApiEnv, governedBy } from "./permissions.ts";

const Token = z.strictObject({
  name: z.string().min(1),
  duration: z
    .string()
    .refine(
      (text) => text === "forever" || milliseconds(text) !== undefined,
      "must be a duration such as 8760h",
    )
    .default("8760h"),
  client_secret_version: z.int().positive().default(1),
  previous_client_secret_expires_at: z.iso.datetime().optional(),
});

const HUNDRED_YEARS = 100 * 365 * 24 * 3_600_000;

const expiry = (duration: string): string =>
  new Date(Date.now() + (milliseconds(duration) ?? HUNDRED_YEARS)).toISOString();

function shownToken(token: ServiceToken) {
  const { client_secret: _, ...rest } = token;
  return rest;
}

/** The real API can keep the previous secret for a while; here a new one replaces it immediately. */
function renewSecret(token: ServiceToken, version = token.client_secret_version + 1) {
  token.client_secret = hex(32);
  token.client_secret_version = version;
  token.updated_at = now();
  return token;
}

export function serviceTokens(state: State): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>().basePath("/accounts/:account/access/service_tokens");
  app.use(governedBy("Access: Service Tokens"));
  const find = (id: string): ServiceToken => {
    const found = state.serviceTokens.get(id);
    if (!found) throw notFound("service_token");
    return found;
  };
  app.get("/", (c) => page(c, [...state.serviceTokens.values()].map(shownToken)));
  app.post("/", async (c) => {
    const { previous_client_secret_expires_at: _, ...body } = await input(c, Token, invalidRequest);
    const made = { created_at: now(), updated_at: now(), expires_at: expiry(body.duration) };
    const secret = { client_id: `${hex(16)}.access`, client_secret: hex(32) };
    const token: ServiceToken = { id: randomUUID(), ...body, ...secret, ...made };
    state.serviceTokens.set(token.id, token);
    return ok(c, token, 201); // the only response with the secret
  });
  app.get("/:id", (c) => ok(c, shownToken(find(c.req.param("id")))));
  app.put("/:id", async (c) => {
    const token = find(c.req.param("id"));
    const body = await input(c, Token, invalidRequest);
    const renewed = body.client_secret_version !== token.client_secret_version;
    if (body.duration !== token.duration) token.expires_at = expiry(body.duration);
    Object.assign(token, { name: body.name, duration: body.duration, updated_at: now() });
    return ok(c, renewed ? renewSecret(token, body.client_secret_version) : shownToken(token));
  });
  app.delete("/:id", (c) => {
    const token = find(c.req.param("id"));
    state.serviceTokens.delete(token.id);
    return ok(c, shownToken(token));
  });
  app.post("/:id/rotate", (c) => ok(c, renewSecret(find(c.req.param("id")))));
  app.post("/:id/refresh", (c) => {
    const token = find(c.req.param("id"));
    token.expires_at = expiry(token.duration);
    return ok(c, shownToken(token));
  });
  return app;
}
