/** The Zero Trust organization and its identity providers. */
import { randomUUID } from "node:crypto";
import { Hono } from "hono";
import { z } from "zod";
import { authDomain, type IdentityProvider, type State } from "../state.ts";
import { conflict, invalidRequest, notFound } from "./access.ts";
import { input, ok, page } from "./envelope.ts";
import { type ApiEnv, governedBy, wants } from "./permissions.ts";

const ORGANIZATIONS = "/accounts/:account/access/organizations";

export function organization(state: State): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>();
  app.post(
    `${ORGANIZATIONS}/revoke_user`,
    wants("Access: Organizations, Identity Providers, and Groups Revoke"),
    async (c) => {
      const { email } = await input(c, z.strictObject({ email: z.email() }), invalidRequest);
      state.revokedPeople.set(email.toLowerCase(), Date.now());
      return ok(c, true);
    },
  );
  app.get(ORGANIZATIONS, wants("Access: Organizations, Identity Providers, and Groups Read"), (c) =>
    ok(c, {
      name: state.teamName,
      auth_domain: authDomain(state),
      login_design: {},
      session_duration: "24h",
      is_ui_read_only: false,
      auto_redirect_to_identity: false,
      allow_authenticate_via_warp: false,
      user_seat_expiration_inactive_time: null,
      created_at: state.zone.created_on,
      updated_at: state.zone.created_on,
    }),
  );
  return app;
}

const Provider = z.strictObject({
  name: z.string().min(1),
  type: z.enum(["google", "onetimepin"], "the stand-in for Cloudflare has google and onetimepin only"),
  config: z
    .strictObject({
      client_id: z.string().optional(),
      client_secret: z.string().optional(),
      claims: z.array(z.string()).optional(),
      email_claim_name: z.string().optional(),
      redirect_url: z.string().optional(),
      enable_encryption: z.literal(false).optional(),
      restrict_to_account_members: z.literal(false).optional(),
    })
    .default({}),
  scim_config: z.record(z.string(), z.unknown()).optional(),
});

function shownProvider(state: State, { id, name, type, client_id }: IdentityProvider) {
  const redirect_url = `https://${authDomain(state)}/cdn-cgi/access/callback`;
  return {
    id,
    uid: id,
    name,
    type,
    // The client's secret is never returned again.
    config: type === "onetimepin" ? { redirect_url } : { client_id, redirect_url },
    scim_config: {
      enabled: false,
      user_deprovision: false,
      seat_deprovision: false,
      identity_update_behavior: "no_action",
    },
  };
}

function writeProvider(
  state: State,
  { name, type, config }: z.infer<typeof Provider>,
  before?: IdentityProvider,
): IdentityProvider {
  const secret = config.client_secret ?? before?.client_secret;
  if (type === "google" && !(config.client_id && secret))
    throw invalidRequest("config must have client_id and client_secret");
  const others = [...state.identityProviders.values()].filter(({ id }) => id !== before?.id);
  if (type === "onetimepin" && others.some((other) => other.type === type))
    throw conflict("a one-time PIN identity provider exists already");
  if (before && before.type !== type) throw invalidRequest("type cannot be changed");
  const provider: IdentityProvider = {
    id: before?.id ?? randomUUID(),
    name,
    type,
    ...(type === "google" ? { client_id: config.client_id, client_secret: secret } : {}),
  };
  state.identityProviders.set(provider.id, provider);
  return provider;
}

export function identityProviders(state: State): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>().basePath("/accounts/:account/access/identity_providers");
  app.use(governedBy("Access: Organizations, Identity Providers, and Groups"));
  const find = (id: string): IdentityProvider => {
    const found = state.identityProviders.get(id);
    if (!found) throw notFound("identity_provider");
    return found;
  };
  app.get("/", (c) =>
    page(
      c,
      [...state.identityProviders.values()].map((each) => shownProvider(state, each)),
    ),
  );
  app.post("/", async (c) =>
    ok(c, shownProvider(state, writeProvider(state, await input(c, Provider, invalidRequest))), 201),
  );
  app.get("/:id", (c) => ok(c, shownProvider(state, find(c.req.param("id")))));
  app.put("/:id", async (c) => {
    const before = find(c.req.param("id"));
    return ok(
      c,
      shownProvider(state, writeProvider(state, await input(c, Provider, invalidRequest), before)),
    );
  });
  app.delete("/:id", (c) => {
    const { id } = find(c.req.param("id"));
    state.identityProviders.delete(id);
    return ok(c, { id }, 202);
  });
  return app;
}
