import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Answer, ApiClient, refusal } from "../../../lab/clouds/cloudflare/example/api-client.ts";
import { type Cloudflare, LEAST_PERMISSIONS, startCloudflare } from "../../../lab/clouds/cloudflare/index.ts";

const without = (permission: string) => LEAST_PERMISSIONS.filter((each) => each !== permission);

let cloudflare: Cloudflare;
let api: ApiClient;
let account: string;
let records: string;

beforeAll(async () => {
  cloudflare = await startCloudflare({
    domain: "example.com",
    teamName: "acme",
    ports: { https: 0, tunnel: 0 },
    tokens: {
      token: LEAST_PERMISSIONS,
      "dashboard-names": ["Zone Read", "DNS Edit"],
      ...Object.fromEntries(LEAST_PERMISSIONS.map((each, index) => [`without-${index}`, without(each)])),
    },
  });
  api = new ApiClient(cloudflare, "token");
  account = api.account;
  records = `/zones/${cloudflare.zoneId}/dns_records`;
});

afterAll(() => cloudflare.stop());

let count = 0;
const label = (what: string) => `${what}-${count++}`;
const tunnel = () => api.result(`${account}/cfd_tunnel`, { name: label("tunnel"), config_src: "cloudflare" });

describe("tokens", () => {
  it("rejects malformed and unknown tokens", async () => {
    const bare = await fetch(`${cloudflare.apiUrl}/zones`);
    expect([bare.status, ((await bare.json()) as Answer).errors[0]?.code]).toEqual([400, 9106]);
    expect(refusal(await api.get("/zones", "two words"))).toBe("400 6003 Invalid request headers");
    expect(refusal(await api.get("/zones", "unknown"))).toBe("403 9109 Invalid access token");
    expect(refusal(await api.get(`${account}/cfd_tunnel`, "unknown"))).toBe("403 10000 Authentication error");
    expect(refusal(await api.get("/user/tokens/verify", "unknown"))).toBe("401 1000 Invalid API Token");
  });

  it("verifies a token", async () => {
    expect((await api.get("/user/tokens/verify")).result.status).toBe("active");
  });

  it("accepts the dashboard's Edit for Write", async () => {
    const record = { type: "A", name: label("edit"), content: "192.0.2.1", ttl: 1 };
    expect((await api.call("POST", records, record, "dashboard-names")).status).toBe(200);
  });

  it("rejects unknown permissions", async () => {
    const start = startCloudflare({ domain: "a.test", teamName: "a", tokens: { t: ["Zone Cook"] } });
    await expect(start).rejects.toThrow("Zone Cook");
  });

  it.each([...LEAST_PERMISSIONS.entries()])(
    "requires each of the least permissions (%i %s)",
    async (index, permission) => {
      const token = `without-${index}`;
      const writes: Record<string, () => Promise<Answer>> = {
        "Cloudflare Tunnel Write": () => api.call("POST", `${account}/cfd_tunnel`, { name: "x" }, token),
        "Access: Apps and Policies Write": () => api.call("POST", `${account}/access/policies`, {}, token),
        "Access: Organizations, Identity Providers, and Groups Write": () =>
          api.get(`${account}/access/organizations`, token),
        "Access: Service Tokens Write": () =>
          api.call("POST", `${account}/access/service_tokens`, { name: "x" }, token),
        "DNS Write": () => api.call("POST", records, {}, token),
      };
      const write = writes[permission];
      if (write) expect(refusal(await write())).toBe("403 10000 Authentication error");
      else {
        expect((await api.get("/zones", token)).result).toEqual([]);
        expect(refusal(await api.get(`/zones/${cloudflare.zoneId}`, token))).toBe(
          "403 9109 Unauthorized to access requested resource",
        );
      }
    },
  );
});

describe("faults", () => {
  const list = () => fetch(`${cloudflare.apiUrl}/zones`, { headers: { authorization: "Bearer token" } });

  it("have Cloudflare's form", async () => {
    cloudflare.faults.inject({ method: "GET", path: /zones$/, kind: "429", retryAfter: 3 });
    cloudflare.faults.inject({ path: /zones$/, kind: "500" });
    const busy = await list();
    expect([busy.status, busy.headers.get("retry-after"), busy.headers.get("ratelimit")]).toEqual([
      429,
      "3",
      '"default";r=0;t=300',
    ]);
    expect(((await busy.json()) as Answer).errors[0]?.code).toBe(971);
    expect((await list()).status).toBe(500);
    expect((await list()).status).toBe(200);
  });

  it("hang before or after the call is carried out", async () => {
    const create = (name: string) =>
      fetch(`${cloudflare.apiUrl}${records}`, {
        method: "POST",
        headers: { authorization: "Bearer token" },
        body: JSON.stringify({ type: "A", name, content: "192.0.2.1", ttl: 1 }),
        signal: AbortSignal.timeout(200),
      });
    const there = (name: string) =>
      [...cloudflare.state.records.values()].some((each) => each.name.startsWith(name));
    cloudflare.faults.inject({ method: "POST", path: /dns_records$/, kind: "hang-before" });
    await expect(create("before")).rejects.toThrow("timeout");
    expect(there("before")).toBe(false);
    cloudflare.faults.inject({ method: "POST", path: /dns_records$/, kind: "hang-after" });
    await expect(create("after")).rejects.toThrow("timeout");
    expect(there("after")).toBe(true);
    expect(cloudflare.requests.at(-1)).toMatchObject({ method: "POST", path: records });
  });
});

describe("zones", () => {
  it("finds the zone with its account by name, and an empty next page", async () => {
    const found = await api.get("/zones?name=example.com&per_page=50");
    expect(found.result).toMatchObject([{ name: "example.com", account: { id: cloudflare.accountId } }]);
    expect(found.result_info).toMatchObject({ count: 1, total_count: 1 });
    expect((await api.get("/zones?name=example.com&page=2")).result).toEqual([]);
    expect((await api.get("/zones?name=example.org")).result).toEqual([]);
    expect((await api.get(`/zones/${cloudflare.zoneId}`)).result.status).toBe("active");
  });

  it("rejects unknown ids, paths and filters", async () => {
    expect((await api.get("/zones/0123")).errors[0]?.code).toBe(7003);
    expect(refusal(await api.get(`/accounts/${"0".repeat(32)}/cfd_tunnel`))).toBe(
      "403 10000 Authentication error",
    );
    expect((await api.get("/accounts/x/cfd_tunnel")).errors[0]?.code).toBe(7003);
    expect(refusal(await api.get("/memberships"))).toMatch(/^404 7000 .*stand-in/);
    expect(refusal(await api.get(`${account}/cfd_tunnel?exclude_prefix=a`))).toMatch(/^400 1001 .*stand-in/);
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

  it("creates, reads, updates and deletes a record", async () => {
    const name = label("cname");
    const record = await api.result(records, cname(name));
    expect(record).toMatchObject({ name: `${name}.example.com`, proxied: true, ttl: 1, comment: "mine" });
    expect((await api.get(`${records}/${record.id}`)).result).toEqual(record);
    expect((await api.get(`${records}?name=${name}.example.com&type=CNAME`)).result).toHaveLength(1);
    const changed = await api.call("PUT", `${records}/${record.id}`, cname(name, "b.cfargotunnel.com"));
    expect(changed.result).toMatchObject({ id: record.id, content: "b.cfargotunnel.com" });
    const patched = await api.call("PATCH", `${records}/${record.id}`, { comment: "other" });
    expect(patched.result).toMatchObject({ content: "b.cfargotunnel.com", comment: "other", proxied: true });
    expect((await api.call("DELETE", `${records}/${record.id}`)).result).toEqual({ id: record.id });
    expect(refusal(await api.get(`${records}/${record.id}`))).toBe("404 81044 Record does not exist.");
  });

  it("rejects conflicts", async () => {
    const name = label("conflict");
    await api.result(records, cname(name));
    const address = { type: "A", name, content: "192.0.2.1", ttl: 1 };
    expect((await api.call("POST", records, cname(name))).errors[0]?.code).toBe(81058);
    expect((await api.call("POST", records, cname(name, "b.test"))).errors[0]?.code).toBe(81053);
    expect((await api.call("POST", records, address)).errors[0]?.code).toBe(81054);
    expect((await api.call("POST", records, { ...cname(name), type: "TXT", proxied: false })).status).toBe(
      200,
    );
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
  ])("rejects an invalid %s", async (_, change, code) => {
    const answer = await api.call("POST", records, { ...cname(label("bad")), ...change });
    expect([answer.status, answer.errors[0]?.code]).toEqual([400, code]);
  });
});

describe("tunnels", () => {
  it("creates, renames and deletes a tunnel, and still returns the deleted one", async () => {
    const made = await tunnel();
    expect(made).toMatchObject({
      status: "inactive",
      remote_config: true,
      deleted_at: null,
      connections: [],
    });
    const path = `${account}/cfd_tunnel/${made.id}`;
    const token = (await api.get(`${path}/token`)).result as string;
    const { a, t, s } = JSON.parse(Buffer.from(token, "base64").toString());
    expect([a, t]).toEqual([cloudflare.accountId, made.id]);
    expect(Buffer.from(s, "base64").length).toBe(32);
    expect((await api.call("PATCH", path, { name: label("renamed") })).result.name).toMatch(/^renamed/);
    expect((await api.call("DELETE", path)).result.deleted_at).not.toBeNull();
    expect((await api.get(path)).result.deleted_at).not.toBeNull();
    expect((await api.get(`${account}/cfd_tunnel?uuid=${made.id}&is_deleted=false`)).result).toEqual([]);
    expect((await api.get(`${path}/token`)).status).toBe(404);
    expect((await api.call("DELETE", path)).status).toBe(404);
    expect((await api.get(`${account}/cfd_tunnel/other`)).errors[0]?.code).toBe(1003);
  });

  it("rejects a name in use, but accepts a deleted tunnel's", async () => {
    const { id, name } = await tunnel();
    const again = () => api.call("POST", `${account}/cfd_tunnel`, { name });
    expect(refusal(await again())).toMatch(/^409 1013 You already have a tunnel with this name/);
    await api.call("DELETE", `${account}/cfd_tunnel/${id}`);
    expect((await again()).status).toBe(200);
  });

  it("rejects deleting a tunnel in use, and short secrets", async () => {
    const { id } = await tunnel();
    const connections = cloudflare.state.tunnels.get(id)?.connections as unknown[];
    connections.push({});
    expect(refusal(await api.call("DELETE", `${account}/cfd_tunnel/${id}`))).toMatch(
      /^400 1022 .*active connections/,
    );
    connections.pop();
    const short = { name: label("short"), tunnel_secret: "YQ==" };
    expect((await api.call("POST", `${account}/cfd_tunnel`, short)).status).toBe(400);
  });
});

describe("a tunnel's configuration", () => {
  const rule = { hostname: "a.example.com", service: "http://127.0.0.1:4080" };
  const last = { service: "http_status:404" };
  const put = async (ingress: unknown, more: object = {}) =>
    api.call("PUT", `${account}/cfd_tunnel/${(await tunnel()).id}/configurations`, {
      config: { ingress, ...more },
    });

  it("is versioned", async () => {
    const { id } = await tunnel();
    const path = `${account}/cfd_tunnel/${id}/configurations`;
    expect((await api.get(path)).result).toMatchObject({ version: 0, config: null });
    const access = { required: true, teamName: "acme", audTag: ["x"] };
    const ingress = [{ ...rule, originRequest: { access } }, last];
    expect((await api.call("PUT", path, { config: { ingress } })).result.version).toBe(1);
    expect((await api.call("PUT", path, { config: { ingress } })).result.version).toBe(2);
    expect((await api.get(path)).result).toMatchObject({ tunnel_id: id, config: { ingress } });
  });

  it.each([
    ["no rule that catches all", [rule], "must match all URLs"],
    ["a rule after one that catches all", [last, last], "will match every hostname"],
    ["a hostname with a port", [{ ...rule, hostname: "a:1" }, last], "contain a port"],
    ["a wildcard within", [{ ...rule, hostname: "a.*.b" }, last], "wildcard"],
    ["a service with a path", [{ ...rule, service: "http://a/b" }, last], "different path"],
    ["a service without a scheme", [{ ...rule, service: "localhost" }, last], "invalid address"],
    ["an invalid status", [rule, { service: "http_status:99" }], "invalid HTTP status"],
    ["a broken path", [{ ...rule, path: "(" }, last], "invalid regex"],
    ["an unknown field", [{ ...rule, hostName: "a" }, last], "hostName"],
    ["an unknown option", [{ ...rule, originRequest: { audTags: [] } }, last], "audTags"],
  ])("rejects %s", async (_, ingress, words) => {
    const answer = await put(ingress);
    expect(refusal(answer)).toMatch(/^400 1056 Bad Configuration/);
    expect(answer.errors[0]?.message).toContain(words);
  });

  it("rejects WARP routing", async () => {
    expect(refusal(await put([last], { "warp-routing": { enabled: true } }))).toMatch(/stand-in/);
  });
});
