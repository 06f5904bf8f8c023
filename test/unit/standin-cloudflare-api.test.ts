import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Cloudflare, LEAST_PERMISSIONS, startCloudflare } from "../standins/cloudflare/index.ts";

const TOKEN = "unit-token";
const without = (permission: string) => LEAST_PERMISSIONS.filter((each) => each !== permission);

let cloudflare: Cloudflare;
let account: string;
let records: string;

beforeAll(async () => {
  cloudflare = await startCloudflare({
    domain: "example.com",
    teamName: "acme",
    ports: { https: 0, tunnel: 0 },
    tokens: {
      [TOKEN]: LEAST_PERMISSIONS,
      "dashboard-names": ["Zone Read", "DNS Edit"],
      ...Object.fromEntries(LEAST_PERMISSIONS.map((each, index) => [`without-${index}`, without(each)])),
    },
  });
  account = `/accounts/${cloudflare.accountId}`;
  records = `/zones/${cloudflare.zoneId}/dns_records`;
});

afterAll(() => cloudflare.stop());

interface Answer {
  status: number;
  success: boolean;
  errors: { code: number; message: string; error_chain?: { message: string }[] }[];
  // biome-ignore lint/suspicious/noExplicitAny: tests read whatever the API answered
  result: any;
  result_info?: { count: number; total_count: number };
}

async function call(method: string, path: string, body?: unknown, token = TOKEN): Promise<Answer> {
  const response = await fetch(cloudflare.apiUrl + path, {
    method,
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: response.status, ...((await response.json()) as object) } as Answer;
}

const get = (path: string, token?: string) => call("GET", path, undefined, token);
const refusal = ({ status, errors }: Answer) => `${status} ${errors[0]?.code} ${errors[0]?.message}`;

async function made(path: string, body: unknown): Promise<Answer["result"]> {
  const answer = await call("POST", path, body);
  expect(answer.errors).toEqual([]);
  return answer.result;
}

let count = 0;
const label = (what: string) => `${what}-${count++}`;
const tunnel = () => made(`${account}/cfd_tunnel`, { name: label("tunnel"), config_src: "cloudflare" });
const policy = (body: object = {}) =>
  made(`${account}/access/policies`, {
    name: label("policy"),
    decision: "allow",
    include: [{ email_domain: { domain: "example.com" } }],
    ...body,
  });

describe("tokens", () => {
  it("refuses what is no token, and tokens it doesn't know", async () => {
    const bare = await fetch(`${cloudflare.apiUrl}/zones`);
    expect([bare.status, ((await bare.json()) as Answer).errors[0]?.code]).toEqual([400, 9106]);
    expect(refusal(await get("/zones", "two words"))).toBe("400 6003 Invalid request headers");
    expect(refusal(await get("/zones", "unknown"))).toBe("403 9109 Invalid access token");
    expect(refusal(await get(`${account}/cfd_tunnel`, "unknown"))).toBe("403 10000 Authentication error");
    expect(refusal(await get("/user/tokens/verify", "unknown"))).toBe("401 1000 Invalid API Token");
  });

  it("verifies a token", async () => {
    expect((await get("/user/tokens/verify")).result.status).toBe("active");
  });

  it("knows the dashboard's word for writing", async () => {
    const record = { type: "A", name: label("edit"), content: "192.0.2.1", ttl: 1 };
    expect((await call("POST", records, record, "dashboard-names")).status).toBe(200);
  });

  it("refuses permissions that nobody can give", async () => {
    const start = startCloudflare({ domain: "a.test", teamName: "a", tokens: { t: ["Zone Cook"] } });
    await expect(start).rejects.toThrow("Zone Cook");
  });

  it.each([...LEAST_PERMISSIONS.entries()])(
    "needs each of the least permissions (%i %s)",
    async (index, permission) => {
      const token = `without-${index}`;
      const writes: Record<string, () => Promise<Answer>> = {
        "Cloudflare Tunnel Write": () => call("POST", `${account}/cfd_tunnel`, { name: "x" }, token),
        "Access: Apps and Policies Write": () => call("POST", `${account}/access/policies`, {}, token),
        "Access: Organizations, Identity Providers, and Groups Write": () =>
          get(`${account}/access/organizations`, token),
        "Access: Service Tokens Write": () =>
          call("POST", `${account}/access/service_tokens`, { name: "x" }, token),
        "DNS Write": () => call("POST", records, {}, token),
      };
      const write = writes[permission];
      if (write) expect(refusal(await write())).toBe("403 10000 Authentication error");
      else {
        expect((await get("/zones", token)).result).toEqual([]);
        expect(refusal(await get(`/zones/${cloudflare.zoneId}`, token))).toBe(
          "403 9109 Unauthorized to access requested resource",
        );
      }
    },
  );
});

describe("zones", () => {
  it("finds the zone by its name, with its account, and nothing on the page after", async () => {
    const found = await get("/zones?name=example.com&per_page=50");
    expect(found.result).toMatchObject([{ name: "example.com", account: { id: cloudflare.accountId } }]);
    expect(found.result_info).toMatchObject({ count: 1, total_count: 1 });
    expect((await get("/zones?name=example.com&page=2")).result).toEqual([]);
    expect((await get("/zones?name=example.org")).result).toEqual([]);
    expect((await get(`/zones/${cloudflare.zoneId}`)).result.status).toBe("active");
  });

  it("refuses other ids, other paths and other filters", async () => {
    expect((await get("/zones/0123")).errors[0]?.code).toBe(7003);
    expect(refusal(await get(`/accounts/${"0".repeat(32)}/cfd_tunnel`))).toBe(
      "403 10000 Authentication error",
    );
    expect((await get("/accounts/x/cfd_tunnel")).errors[0]?.code).toBe(7003);
    expect(refusal(await get("/memberships"))).toMatch(/^404 7000 .*stand-in/);
    expect(refusal(await get(`${account}/cfd_tunnel?exclude_prefix=a`))).toMatch(/^400 1001 .*stand-in/);
  });
});

describe("DNS records", () => {
  const cname = (name: string, content = "a.cfargotunnel.com") => ({
    type: "CNAME",
    name,
    content,
    ttl: 1,
    proxied: true,
    comment: "mine",
  });

  it("makes, reads, changes and deletes a record", async () => {
    const name = label("cname");
    const record = await made(records, cname(name));
    expect(record).toMatchObject({ name: `${name}.example.com`, proxied: true, ttl: 1, comment: "mine" });
    expect((await get(`${records}/${record.id}`)).result).toEqual(record);
    expect((await get(`${records}?name=${name}.example.com&type=CNAME`)).result).toHaveLength(1);
    const changed = await call("PUT", `${records}/${record.id}`, cname(name, "b.cfargotunnel.com"));
    expect(changed.result).toMatchObject({ id: record.id, content: "b.cfargotunnel.com" });
    const patched = await call("PATCH", `${records}/${record.id}`, { comment: "other" });
    expect(patched.result).toMatchObject({ content: "b.cfargotunnel.com", comment: "other", proxied: true });
    expect((await call("DELETE", `${records}/${record.id}`)).result).toEqual({ id: record.id });
    expect(refusal(await get(`${records}/${record.id}`))).toBe("404 81044 Record does not exist.");
  });

  it("refuses conflicts", async () => {
    const name = label("conflict");
    await made(records, cname(name));
    const address = { type: "A", name, content: "192.0.2.1", ttl: 1 };
    expect((await call("POST", records, cname(name))).errors[0]?.code).toBe(81058);
    expect((await call("POST", records, cname(name, "b.test"))).errors[0]?.code).toBe(81053);
    expect((await call("POST", records, address)).errors[0]?.code).toBe(81054);
    expect((await call("POST", records, { ...cname(name), type: "TXT", proxied: false })).status).toBe(200);
  });

  it.each([
    ["name", { name: "a b" }, 9000],
    ["IPv4 address", { type: "A", content: "x" }, 9005],
    ["target", { content: "a b" }, 9007],
    ["time to live", { ttl: 5 }, 9021],
    ["kind", { type: "MX" }, 9004],
    ["comment", { comment: "x".repeat(101) }, 9206],
    ["unknown field", { zone: "x" }, 9207],
    ["missing field", { content: null }, 9207],
  ])("refuses a bad %s", async (_, change, code) => {
    const answer = await call("POST", records, { ...cname(label("bad")), ...change });
    expect([answer.status, answer.errors[0]?.code]).toEqual([400, code]);
  });
});

describe("tunnels", () => {
  it("makes, shows, renames and deletes a tunnel, and shows it when it is deleted", async () => {
    const made = await tunnel();
    expect(made).toMatchObject({
      status: "inactive",
      remote_config: true,
      deleted_at: null,
      connections: [],
    });
    const path = `${account}/cfd_tunnel/${made.id}`;
    const token = (await get(`${path}/token`)).result as string;
    const { a, t, s } = JSON.parse(Buffer.from(token, "base64").toString());
    expect([a, t]).toEqual([cloudflare.accountId, made.id]);
    expect(Buffer.from(s, "base64").length).toBe(32);
    expect((await call("PATCH", path, { name: label("renamed") })).result.name).toMatch(/^renamed/);
    expect((await call("DELETE", path)).result.deleted_at).not.toBeNull();
    expect((await get(path)).result.deleted_at).not.toBeNull();
    expect((await get(`${account}/cfd_tunnel?uuid=${made.id}&is_deleted=false`)).result).toEqual([]);
    expect((await get(`${path}/token`)).status).toBe(404);
    expect((await call("DELETE", path)).status).toBe(404);
    expect((await get(`${account}/cfd_tunnel/other`)).errors[0]?.code).toBe(1003);
  });

  it("refuses a name in use, which a deleted tunnel's is not", async () => {
    const { id, name } = await tunnel();
    const again = () => call("POST", `${account}/cfd_tunnel`, { name });
    expect(refusal(await again())).toMatch(/^409 1013 You already have a tunnel with this name/);
    await call("DELETE", `${account}/cfd_tunnel/${id}`);
    expect((await again()).status).toBe(200);
  });

  it("refuses to delete a tunnel in use, and secrets that are too short", async () => {
    const { id } = await tunnel();
    const connections = cloudflare.state.tunnels.get(id)?.connections as unknown[];
    connections.push({});
    expect(refusal(await call("DELETE", `${account}/cfd_tunnel/${id}`))).toMatch(
      /^400 1022 .*active connections/,
    );
    connections.pop();
    const short = { name: label("short"), tunnel_secret: "YQ==" };
    expect((await call("POST", `${account}/cfd_tunnel`, short)).status).toBe(400);
  });
});

describe("a tunnel's configuration", () => {
  const rule = { hostname: "a.example.com", service: "http://127.0.0.1:4080" };
  const last = { service: "http_status:404" };
  const put = async (ingress: unknown, more: object = {}) =>
    call("PUT", `${account}/cfd_tunnel/${(await tunnel()).id}/configurations`, {
      config: { ingress, ...more },
    });

  it("is kept by versions", async () => {
    const { id } = await tunnel();
    const path = `${account}/cfd_tunnel/${id}/configurations`;
    expect((await get(path)).result).toMatchObject({ version: 0, config: null });
    const access = { required: true, teamName: "acme", audTag: ["x"] };
    const ingress = [{ ...rule, originRequest: { access } }, last];
    expect((await call("PUT", path, { config: { ingress } })).result.version).toBe(1);
    expect((await call("PUT", path, { config: { ingress } })).result.version).toBe(2);
    expect((await get(path)).result).toMatchObject({ tunnel_id: id, config: { ingress } });
  });

  it.each([
    ["no rule that catches all", [rule], "must match all URLs"],
    ["a rule after one that catches all", [last, last], "will match every hostname"],
    ["a hostname with a port", [{ ...rule, hostname: "a:1" }, last], "contain a port"],
    ["a wildcard within", [{ ...rule, hostname: "a.*.b" }, last], "wildcard"],
    ["a service with a path", [{ ...rule, service: "http://a/b" }, last], "different path"],
    ["a service without a scheme", [{ ...rule, service: "localhost" }, last], "invalid address"],
    ["a status that is none", [rule, { service: "http_status:99" }], "invalid HTTP status"],
    ["a broken path", [{ ...rule, path: "(" }, last], "invalid regex"],
    ["an unknown field", [{ ...rule, hostName: "a" }, last], "hostName"],
    ["an unknown option", [{ ...rule, originRequest: { audTags: [] } }, last], "audTags"],
  ])("refuses %s", async (_, ingress, words) => {
    const answer = await put(ingress);
    expect(refusal(answer)).toMatch(/^400 1056 Bad Configuration/);
    expect(answer.errors[0]?.message).toContain(words);
  });

  it("refuses WARP routing", async () => {
    expect(refusal(await put([last], { "warp-routing": { enabled: true } }))).toMatch(/stand-in/);
  });
});

describe("Access", () => {
  it("shows the organization, or says that Access is off", async () => {
    const organization = () => get(`${account}/access/organizations`);
    expect((await organization()).result.auth_domain).toBe("acme.cloudflareaccess.com");
    cloudflare.state.accessEnabled = false;
    expect(refusal(await organization())).toMatch(/^400 9999 access.api.error.not_enabled/);
    cloudflare.state.accessEnabled = true;
  });

  it("keeps identity providers, and their secrets to itself", async () => {
    const path = `${account}/access/identity_providers`;
    const config = { client_id: "id", client_secret: "secret" };
    const google = await made(path, { name: "Google", type: "google", config });
    expect(google.config).toEqual({
      client_id: "id",
      redirect_url: "https://acme.cloudflareaccess.com/cdn-cgi/access/callback",
    });
    const renamed = await call("PUT", `${path}/${google.id}`, { name: "G", type: "google", config });
    expect(renamed.result.name).toBe("G");
    const pin = { name: "PIN", type: "onetimepin", config: {} };
    const { id } = await made(path, pin);
    expect((await call("POST", path, pin)).status).toBe(409);
    expect((await get(path)).result.map((each: { type: string }) => each.type)).toContain("onetimepin");
    expect((await call("POST", path, { name: "x", type: "google", config: {} })).status).toBe(400);
    expect((await call("POST", path, { name: "x", type: "okta", config: {} })).errors[0]?.message).toContain(
      "stand-in",
    );
    await call("DELETE", `${path}/${id}`);
    expect((await get(`${path}/${id}`)).status).toBe(404);
  });

  it("shows a service token's secret once, and when it is renewed", async () => {
    const path = `${account}/access/service_tokens`;
    const token = await made(path, { name: "ci" });
    expect(token.client_id).toMatch(/^[0-9a-f]{32}\.access$/);
    expect(token.client_secret).toMatch(/^[0-9a-f]{64}$/);
    expect((await get(`${path}/${token.id}`)).result).not.toHaveProperty("client_secret");
    expect((await get(path)).result[0]).not.toHaveProperty("client_secret");
    const same = await call("PUT", `${path}/${token.id}`, { name: "ci", duration: "8760h" });
    expect(same.result).not.toHaveProperty("client_secret");
    const renewed = await call("PUT", `${path}/${token.id}`, { name: "ci", client_secret_version: 2 });
    expect(renewed.result.client_secret).not.toBe(token.client_secret);
    expect((await call("POST", path, { name: "ci", duration: "long" })).status).toBe(400);
    expect((await call("DELETE", `${path}/${token.id}`)).status).toBe(200);
  });

  it("refuses policies that it could not evaluate", async () => {
    const refused = async (body: object) => {
      const given = { name: "p", decision: "allow", include: [{ everyone: {} }], ...body };
      const answer = await call("POST", `${account}/access/policies`, given);
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

  it("keeps applications with their policies, by precedence", async () => {
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
    const app = await made(`${account}/access/apps`, body);
    expect(app.aud).toMatch(/^[0-9a-f]{64}$/);
    expect(app.policies.map((each: { id: string }) => each.id)).toEqual([first.id, second.id]);
    expect(app).toMatchObject({
      self_hosted_domains: [domain],
      destinations: [{ type: "public", uri: domain }],
    });
    const path = `${account}/access/apps/${app.id}`;
    expect(refusal(await call("POST", `${account}/access/apps`, body))).toBe(
      "409 11010 access.api.error.application_already_exists",
    );
    const kept = await call("PUT", path, { ...body, policies: null, session_duration: "2h" });
    expect(kept.result).toMatchObject({ aud: app.aud, session_duration: "2h" });
    expect(kept.result.policies).toHaveLength(2);
    expect((await call("DELETE", `${account}/access/policies/${first.id}`)).status).toBe(409);
    expect((await get(`${account}/access/apps?domain=${domain}`)).result).toHaveLength(1);
    expect((await call("POST", `${path}/revoke_tokens`)).status).toBe(202);
    expect((await call("DELETE", path)).status).toBe(202);
    expect((await get(path)).status).toBe(404);
    expect((await call("DELETE", `${account}/access/policies/${first.id}`)).status).toBe(202);
  });

  it("refuses applications that the real one refuses", async () => {
    const { id } = await policy();
    const refused = async (change: object) => {
      const body = { name: "a", type: "self_hosted", domain: `${label("no")}.example.com`, ...change };
      const answer = await call("POST", `${account}/access/apps`, body);
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
