/** The cloudflare stand-in: its requests to the API, and its state. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { accessPolicy } from "../../../lab/plugins/cloudflare/accessPolicy.ts";
import { application } from "../../../lab/plugins/cloudflare/application.ts";
import { checkConfig, configure } from "../../../lab/plugins/cloudflare/client.ts";
import { dnsRecord } from "../../../lab/plugins/cloudflare/dnsRecord.ts";
import { identityProvider } from "../../../lab/plugins/cloudflare/identityProvider.ts";
import { lookups } from "../../../lab/plugins/cloudflare/lookups.ts";
import { serviceToken } from "../../../lab/plugins/cloudflare/serviceToken.ts";
import { tunnel } from "../../../lab/plugins/cloudflare/tunnel.ts";
import { request as tunnelConfigRequest } from "../../../lab/plugins/cloudflare/tunnelConfig.ts";
import { type PlainProps, Secret } from "../../../lab/plugins/shared/values.ts";
import {
  type CloudApi,
  changes,
  context,
  type Reply,
  startCloudApi,
} from "../../support/plugins-cloud-api.ts";

let api: CloudApi;

beforeAll(async () => {
  api = await startCloudApi();
  configure({ baseUrl: `${api.address}/client/v4/`, apiToken: new Secret("t".repeat(40)) });
});

afterEach(() => {
  api.asked.length = 0;
});

afterAll(() => api.close());

function result(json: unknown): Reply {
  return [200, { success: true, errors: [], messages: [], result: json }];
}

describe("Cloudflare's resources", () => {
  test("a tunnel", async () => {
    api.answer = () => result({ id: "t", name: "n", status: "inactive", metadata: {}, deleted_at: null });
    const inputs = { accountId: "a", name: "n", configSrc: "cloudflare" };
    const { id, state } = await tunnel.create(inputs, context);
    expect(api.asked[0]).toMatchObject({
      call: "POST /client/v4/accounts/a/cfd_tunnel",
      authorization: `Bearer ${"t".repeat(40)}`,
      body: { config_src: "cloudflare", name: "n" },
    });
    expect([id, state.metadata]).toEqual(["t", "{}"]);
    await tunnel.update({ id, state, news: { ...inputs, name: "m" } }, context);
    expect(api.asked[1]).toMatchObject({
      call: "PATCH /client/v4/accounts/a/cfd_tunnel/t",
      body: { name: "m" },
    });
    expect(await changes(tunnel, state, { ...inputs, configSrc: "local" })).toEqual(["configSrc!"]);
  });

  test("a tunnel's configuration has cloudflared's form", () => {
    const access = { required: true, teamName: "t", audTags: ["x"] };
    const ingresses: PlainProps[] = [
      { hostname: "h", service: "http://l", originRequest: { access, noTlsVerify: true } },
      { service: "http_status:404" },
    ];
    expect(tunnelConfigRequest({ accountId: "a", tunnelId: "t", config: { ingresses } })).toEqual({
      config: {
        ingress: [
          {
            hostname: "h",
            service: "http://l",
            originRequest: {
              access: { required: true, teamName: "t", audTag: ["x"] },
              noTLSVerify: true,
            },
          },
          { service: "http_status:404" },
        ],
      },
    });
  });

  test("a record", async () => {
    const inputs = { zoneId: "z", name: "sub", type: "CNAME", content: "X.example", ttl: 1, proxied: true };
    api.answer = (_call, body) => result({ ...body, id: "r", name: "sub.zone.org", content: "x.example" });
    const { id, state } = await dnsRecord.create(inputs, context);
    expect(api.asked[0]?.body).toMatchObject({
      name: "sub",
      proxied: true,
      settings: { flatten_cname: false },
    });
    expect(state.name).toBe("sub");
    const found = await dnsRecord.read(id, inputs, state, context);
    expect(found?.state.name).toBe("sub.zone.org");
    expect(await changes(dnsRecord, found?.state ?? {}, inputs)).toEqual([]);
    expect(await changes(dnsRecord, state, { ...inputs, type: "A", zoneId: "y" })).toEqual([
      "type!",
      "zoneId!",
    ]);
  });

  test("a record gets back a comment that was removed elsewhere", async () => {
    api.answer = () => result({ id: "r", name: "n", comment: null });
    const inputs = { zoneId: "z", name: "n", type: "A", ttl: 300, content: "c", comment: "ours" };
    const found = await dnsRecord.read("r", inputs, inputs, context);
    expect(await changes(dnsRecord, found?.state ?? {}, inputs)).toEqual(["comment"]);
  });

  test("an identity provider's secret is kept, though the API never returns it", async () => {
    api.answer = () =>
      result({ id: "i", name: "g", type: "google", config: { client_id: "c", redirect_url: "u" } });
    const config = { clientId: "c", clientSecret: new Secret("s") };
    const inputs = { accountId: "a", name: "g", type: "google", config };
    const { id, state } = await identityProvider.create(inputs, context);
    expect(api.asked[0]?.body).toEqual({
      name: "g",
      type: "google",
      config: { client_id: "c", client_secret: "s" },
    });
    expect(state.config).toEqual({ clientId: "c", clientSecret: new Secret("s"), redirectUrl: "u" });
    expect((await identityProvider.read(id, inputs, state, context))?.state).toEqual(state);
    expect(await changes(identityProvider, state, inputs)).toEqual([]);
    const other = { ...inputs, config: { ...config, clientSecret: new Secret("t") } };
    expect(await changes(identityProvider, state, other)).toEqual(["config"]);
  });

  test("a service token's secret is returned once and kept", async () => {
    const told = { id: "s", name: "n", client_id: "c", duration: "8760h" };
    api.answer = (call) => result(call.startsWith("POST") ? { ...told, client_secret: "hush" } : told);
    const inputs = { accountId: "a", name: "n" };
    const { id, state } = await serviceToken.create(inputs, context);
    expect(state.clientSecret).toEqual(new Secret("hush"));
    expect((await serviceToken.read(id, inputs, state, context))?.state).toEqual(state);
    const renamed = await serviceToken.update({ id, state, news: { ...inputs, name: "m" } }, context);
    expect(renamed.clientSecret).toEqual(new Secret("hush"));
  });

  test("an application keeps its policies' ids, not their content", async () => {
    api.answer = (_call, body) =>
      result({ ...body, id: "app", aud: "tag", policies: [{ id: "p", precedence: 1, decision: "allow" }] });
    const inputs = { accountId: "a", domain: "h", type: "self_hosted", policies: [{ id: "p" }] };
    const { id, state } = await application.create(inputs, context);
    expect(api.asked[0]?.body).toMatchObject({
      policies: [{ id: "p", precedence: 1 }],
      session_duration: "24h",
    });
    const found = await application.read(id, inputs, state, context);
    expect(found?.state.policies).toEqual([{ id: "p", precedence: 1 }]);
    expect(await changes(application, found?.state ?? {}, inputs)).toEqual([]);
  });

  test("a policy's rules have no order", async () => {
    const [one, other] = [{ email: { email: "a@b" } }, { everyone: {} }];
    api.answer = (_call, body) => result({ ...body, id: "p", include: [other, one] });
    const inputs = { accountId: "a", name: "n", decision: "allow", includes: [one, other] };
    const { id, state } = await accessPolicy.create(inputs, context);
    expect(api.asked[0]?.body).toMatchObject({ include: [one, other], session_duration: "24h" });
    const found = await accessPolicy.read(id, inputs, state, context);
    expect(await changes(accessPolicy, found?.state ?? {}, inputs)).toEqual([]);
    expect(await changes(accessPolicy, found?.state ?? {}, { ...inputs, includes: [one] })).toEqual([
      "includes",
    ]);
  });

  test("an unsupported property is rejected by name", async () => {
    const news = { accountId: "a", name: "n", decision: "allow", includes: [{ okta: {} }] };
    const { failures } = await accessPolicy.check({ name: "n", olds: {}, news, seed: new Uint8Array() });
    expect(failures.map(({ property, reason }) => `${property}: ${reason}`)).toEqual([
      expect.stringMatching(/^includes\[0\]\.okta: the stand-in cloudflare plugin doesn't cover/),
    ]);
  });

  test("a zone is looked up by its name", async () => {
    api.answer = (call) =>
      call.includes("?") ? result([{ id: "z" }]) : result({ id: "z", name: "e.org", account: { id: "a" } });
    const look = lookups["cloudflare:index/getZone:getZone"];
    const zone = await look?.({ filter: { name: "e.org" } }, context.signal);
    expect(zone).toMatchObject({ zoneId: "z", id: "z", account: { id: "a" } });
    expect(api.asked.map(({ call }) => call)).toEqual([
      "GET /client/v4/zones?name=e.org",
      "GET /client/v4/zones/z",
    ]);
    api.answer = () => result([]);
    await expect(look?.({ filter: { name: "x" } }, context.signal)).rejects.toThrow(
      "exactly one result: 0 found",
    );
  });

  test("a tunnel's token is a secret", async () => {
    api.answer = () => result("tok");
    const look =
      lookups["cloudflare:index/getZeroTrustTunnelCloudflaredToken:getZeroTrustTunnelCloudflaredToken"];
    expect((await look?.({ accountId: "a", tunnelId: "t" }, context.signal))?.token).toEqual(
      new Secret("tok"),
    );
  });

  test("an error has the API's message", async () => {
    api.answer = () => [403, { success: false, errors: [{ code: 10000, message: "Authentication error" }] }];
    await expect(tunnel.read("t", {}, { accountId: "a" }, context)).rejects.toThrow(
      /failed to make http request: GET .*: 403 Forbidden .*Authentication error/,
    );
  });
});

test("a token's form is checked, without repeating it", () => {
  const failures = checkConfig({ apiToken: new Secret("short!") });
  expect(failures.map(({ property }) => property)).toEqual(["apiToken"]);
  expect(JSON.stringify(failures)).not.toContain("short!");
});
