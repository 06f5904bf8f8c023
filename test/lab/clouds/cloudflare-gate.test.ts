import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Example, OPEN, SITE, SSH, startExample } from "../../../lab/clouds/cloudflare/example/index.ts";

let example: Example;

beforeAll(async () => {
  example = await startExample();
});

afterAll(() => example.stop());

describe("the edge, in front of an application", () => {
  it("redirects a visitor without a token to the login, with a return URL", async () => {
    const response = await example.visit("/a?b=c");
    expect(response.status).toBe(302);
    const location = new URL(response.headers.get("location") ?? "");
    expect(location.origin + location.pathname).toBe(
      `https://acme.cloudflareaccess.com/cdn-cgi/access/login/${SITE}`,
    );
    expect(location.searchParams.get("kid")).toBe(example.aud);
    expect(location.searchParams.get("redirect_url")).toBe("/a?b=c");
    expect(example.seen).toEqual([]);
  });

  it("responds with 401 to a page's own requests", async () => {
    expect((await example.visit("/", { "X-Requested-With": "XMLHttpRequest" })).status).toBe(401);
  });

  it.each([
    ["expired", { expiresIn: -60 }],
    ["forged", { forged: true }],
    ["another application's", { application: SSH }],
    ["another issuer's", { issuer: "https://evil.cloudflareaccess.com" }],
  ])("rejects a token that is %s, here and at the connector", async (_, options) => {
    const token = await example.sign(options);
    expect((await example.visit("/", { cookie: `CF_Authorization=${token}` })).status).toBe(302);
    expect((await example.visit("/", { "cf-access-token": token })).status).toBe(302);
    const past = await example.cloudflare.bypass(`https://${SITE}/`, {
      headers: { "Cf-Access-Jwt-Assertion": token },
    });
    // cloudflared responds with 403 to a wrong audience, and 502 to an unverifiable token.
    expect(past.status).toBe("application" in options ? 403 : 502);
    expect(example.seen).toEqual([]);
  });

  it("requires a valid token at the connector as well", async () => {
    expect((await example.cloudflare.bypass(`https://${SITE}/`)).status).toBe(403);
    const headers = { "Cf-Access-Jwt-Assertion": await example.sign() };
    expect((await example.cloudflare.bypass(`https://${SITE}/`, { headers })).status).toBe(200);
  });

  it("admits a valid token and identifies the visitor to the origin, overriding the visitor's own headers", async () => {
    const token = await example.sign();
    const response = await example.visit("/x?y=z", {
      cookie: `CF_Authorization=${token}; other=1`,
      "Cf-Access-Authenticated-User-Email": "boss@example.com",
      "Cf-Access-Jwt-Assertion": "spoofed",
      "Cf-Connecting-Ip": "1.2.3.4",
      "X-Forwarded-Proto": "http",
    });
    expect(response.status).toBe(200);
    expect(response.headers.getSetCookie()).toEqual(["a=1", "b=2"]);
    const [request] = example.seen;
    expect(request?.url).toBe("/x?y=z");
    expect(request?.headers).toMatchObject({
      host: SITE,
      cookie: `CF_Authorization=${token}; other=1`,
      "cf-access-jwt-assertion": token,
      "cf-access-authenticated-user-email": "ann@example.com",
      "cf-connecting-ip": "127.0.0.1",
      "x-forwarded-for": "127.0.0.1",
      "x-forwarded-proto": "https",
    });
    expect(request?.headers["cf-ray"]).toMatch(/^[0-9a-f]{16}-TST$/);
  });

  it("admits a service token and sets a cookie", async () => {
    const response = await example.visit("/", example.machine);
    expect(response.status).toBe(200);
    expect(example.seen[0]?.headers).not.toHaveProperty("cf-access-client-secret");
    const cookie = /CF_Authorization=([^;]+)/.exec(response.headers.get("set-cookie") ?? "")?.[0] ?? "";
    expect((await example.visit("/", { cookie })).status).toBe(200);
    expect(
      (await example.visit("/", { ...example.machine, "CF-Access-Client-Secret": "wrong" })).status,
    ).toBe(302);
  });

  it("shows no login where only machines are admitted", async () => {
    expect((await example.visit("/", {}, SSH)).status).toBe(403);
    expect(await (await example.visit("/", {}, SSH)).text()).toContain("Forbidden");
  });

  it("passes hostnames without an application", async () => {
    expect((await example.visit("/", {}, OPEN)).status).toBe(200);
    expect(example.seen[0]?.headers).not.toHaveProperty("cf-access-jwt-assertion");
  });

  it("serves only names with a proxied record", async () => {
    expect((await example.visit("/", {}, "unknown.example.com")).status).toBe(530);
  });

  it("publishes its keys, on the team's domain and on the hostname", async () => {
    for (const host of [SITE, example.cloudflare.teamDomain]) {
      const certs = await example.cloudflare.edge.fetch(`https://${host}/cdn-cgi/access/certs`);
      const { keys, public_certs } = (await certs.json()) as {
        keys: { kid: string }[];
        public_certs: object[];
      };
      expect(keys[0]).toMatchObject({ kty: "RSA", alg: "RS256", use: "sig" });
      expect(public_certs[0]).toMatchObject({ kid: keys[0]?.kid });
    }
  });

  it("returns the application's metadata to cloudflared", async () => {
    const response = await example.visit("/", { "cf-access-metadata-request": "true" });
    const [, claims = ""] = response.headers.get("cf-access-metadata")?.split(".") ?? [];
    expect(JSON.parse(Buffer.from(claims, "base64url").toString())).toMatchObject({
      aud: example.aud,
      type: "match",
      hostname: SITE,
    });
  });
});

describe("revocation", () => {
  it("keeps a token valid after a policy change, until the application's tokens are revoked", async () => {
    const headers = { cookie: `CF_Authorization=${await example.sign({ email: "out@example.org" })}` };
    expect((await example.visit("/", headers)).status).toBe(200);
    const app = [...example.cloudflare.state.applications.values()].find((each) => each.domain === SITE);
    await example.api.result(`${example.api.account}/access/apps/${app?.id}/revoke_tokens`);
    expect((await example.visit("/", headers)).status).toBe(302);
    expect((await example.visit("/", { cookie: `CF_Authorization=${await example.sign()}` })).status).toBe(
      200,
    );
  });

  it("ends one person's sessions", async () => {
    const headers = (token: string) => ({ cookie: `CF_Authorization=${token}` });
    const [ann, bob] = [await example.sign(), await example.sign({ email: "bob@example.com" })];
    await example.api.result(`${example.api.account}/access/organizations/revoke_user`, {
      email: "ann@example.com",
    });
    expect((await example.visit("/", headers(ann))).status).toBe(302);
    expect((await example.visit("/", headers(bob))).status).toBe(200);
    expect((await example.visit("/", headers(await example.sign()))).status).toBe(200);
  });
});
