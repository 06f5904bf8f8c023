import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ApiClient, refusal } from "../../../lab/clouds/cloudflare/example/api-client.ts";
import { type Cloudflare, LEAST_PERMISSIONS, startCloudflare } from "../../../lab/clouds/cloudflare/index.ts";

let cloudflare: Cloudflare;
let api: ApiClient;
let account: string;

beforeAll(async () => {
  const tokens = { token: LEAST_PERMISSIONS };
  const ports = { https: 0, tunnel: 0 };
  cloudflare = await startCloudflare({ domain: "example.com", teamName: "acme", tokens, ports });
  api = new ApiClient(cloudflare, "token");
  account = api.account;
});

afterAll(() => cloudflare.stop());

let count = 0;
const label = (what: string) => `${what}-${count++}`;
const policy = () =>
  api.result(`${account}/access/policies`, {
    name: label("policy"),
    decision: "allow",
    include: [{ email_domain: { domain: "example.com" } }],
  });

describe("Access", () => {
  it("returns the organization, or reports that Access is not enabled", async () => {
    const organization = () => api.get(`${account}/access/organizations`);
    expect((await organization()).result.auth_domain).toBe("acme.cloudflareaccess.com");
    cloudflare.state.accessEnabled = false;
    expect(refusal(await organization())).toMatch(/^400 9999 access.api.error.not_enabled/);
    cloudflare.state.accessEnabled = true;
  });

  it("stores identity providers without returning their secrets", async () => {
    const path = `${account}/access/identity_providers`;
    const config = { client_id: "id", client_secret: "secret" };
    const google = await api.result(path, { name: "Google", type: "google", config });
    expect(google.config).toEqual({
      client_id: "id",
      redirect_url: "https://acme.cloudflareaccess.com/cdn-cgi/access/callback",
    });
    const renamed = await api.call("PUT", `${path}/${google.id}`, { name: "G", type: "google", config });
    expect(renamed.result.name).toBe("G");
    const pin = { name: "PIN", type: "onetimepin", config: {} };
    const { id } = await api.result(path, pin);
    expect((await api.call("POST", path, pin)).status).toBe(409);
    expect((await api.get(path)).result.map((each: { type: string }) => each.type)).toContain("onetimepin");
    expect((await api.call("POST", path, { name: "x", type: "google", config: {} })).status).toBe(400);
    expect(
      (await api.call("POST", path, { name: "x", type: "okta", config: {} })).errors[0]?.message,
    ).toContain("stand-in");
    await api.call("DELETE", `${path}/${id}`);
    expect((await api.get(`${path}/${id}`)).status).toBe(404);
  });

  it("returns a service token's secret at creation and rotation only", async () => {
    const path = `${account}/access/service_tokens`;
    const token = await api.result(path, { name: "ci" });
    expect(token.client_id).toMatch(/^[0-9a-f]{32}\.access$/);
    expect(token.client_secret).toMatch(/^[0-9a-f]{64}$/);
    expect((await api.get(`${path}/${token.id}`)).result).not.toHaveProperty("client_secret");
    expect((await api.get(path)).result[0]).not.toHaveProperty("client_secret");
    const same = await api.call("PUT", `${path}/${token.id}`, { name: "ci", duration: "8760h" });
    expect(same.result).not.toHaveProperty("client_secret");
    const renewed = await api.call("PUT", `${path}/${token.id}`, { name: "ci", client_secret_version: 2 });
    expect(renewed.result.client_secret).not.toBe(token.client_secret);
    expect((await api.call("POST", path, { name: "ci", duration: "long" })).status).toBe(400);
    expect((await api.call("DELETE", `${path}/${token.id}`)).status).toBe(200);
  });

  it("rejects policies that it can't evaluate", async () => {
    const refused = async (body: object) => {
      const given = { name: "p", decision: "allow", include: [{ everyone: {} }], ...body };
      const answer = await api.call("POST", `${account}/access/policies`, given);
      expect([answer.status, answer.errors[0]?.code]).toEqual([400, 12130]);
      return JSON.stringify(answer.errors[0]);
    };
    expect(await refused({ include: [{ friends: {} }] })).toContain("unknown rule type: 'friends'");
    expect(await refused({ include: [{ geo: { country_code: "DE" } }] })).toContain("stand-in");
    expect(await refused({ include: [{ email: {} }] })).toContain("'email' must have 'email'");
    expect(await refused({ include: [{ email: { email: "a@b.c", domain: "x" } }] })).toContain("no 'domain'");
    expect(await refused({ include: [{ service_token: { token_id: "x" } }] })).toContain("not found");
    expect(await refused({ include: [] })).toContain("at least one");
    expect(await refused({ decision: "maybe" })).toContain("decision");
    expect(await refused({ session_duration: "1000h" })).toContain("session_duration");
    expect(await refused({ precedence: 1 })).toContain("precedence");
  });

  it("stores applications with their policies, by precedence", async () => {
    const [first, second] = [await policy(), await policy()];
    const domain = `${label("app")}.example.com`;
    const body = {
      name: "app",
      type: "self_hosted",
      domain,
      session_duration: "1h",
      policies: [
        { id: second.id, precedence: 2 },
        { id: first.id, precedence: 1 },
      ],
    };
    const app = await api.result(`${account}/access/apps`, body);
    expect(app.aud).toMatch(/^[0-9a-f]{64}$/);
    expect(app.policies.map((each: { id: string }) => each.id)).toEqual([first.id, second.id]);
    expect(app).toMatchObject({
      self_hosted_domains: [domain],
      destinations: [{ type: "public", uri: domain }],
    });
    const path = `${account}/access/apps/${app.id}`;
    expect(refusal(await api.call("POST", `${account}/access/apps`, body))).toBe(
      "409 11010 access.api.error.application_already_exists",
    );
    const kept = await api.call("PUT", path, { ...body, policies: null, session_duration: "2h" });
    expect(kept.result).toMatchObject({ aud: app.aud, session_duration: "2h" });
    expect(kept.result.policies).toHaveLength(2);
    expect((await api.call("DELETE", `${account}/access/policies/${first.id}`)).status).toBe(409);
    expect((await api.get(`${account}/access/apps?domain=${domain}`)).result).toHaveLength(1);
    expect((await api.call("POST", `${path}/revoke_tokens`)).status).toBe(202);
    expect((await api.call("DELETE", path)).status).toBe(202);
    expect((await api.get(path)).status).toBe(404);
    expect((await api.call("DELETE", `${account}/access/policies/${first.id}`)).status).toBe(202);
  });

  it("rejects applications that the real API rejects", async () => {
    const { id } = await policy();
    const refused = async (change: object) => {
      const body = { name: "a", type: "self_hosted", domain: `${label("no")}.example.com`, ...change };
      const answer = await api.call("POST", `${account}/access/apps`, body);
      expect([answer.status, answer.errors[0]?.code]).toEqual([400, 12130]);
      return answer.errors[0]?.message;
    };
    expect(await refused({ domain: "a.example.org" })).toContain("does not belong");
    expect(await refused({ type: "saas" })).toContain("stand-in");
    expect(await refused({ domain: null })).toContain("required");
    expect(await refused({ policies: [{ id: "x" }] })).toContain("not found");
    expect(
      await refused({
        policies: [
          { id, precedence: 1 },
          { id, precedence: 1 },
        ],
      }),
    ).toContain("must be unique");
    expect(await refused({ allowed_idps: ["x"] })).toContain("not found");
    expect(await refused({ session_duration: "a day" })).toContain("session_duration");
    expect(await refused({ colour: "red" })).toContain("colour");
  });
});
