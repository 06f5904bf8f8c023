import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createTcpServer, type Server as TcpServer } from "node:net";
import { Duplex, PassThrough } from "node:stream";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { carry } from "../standins/cloudflare/connector/carrier.ts";
import { readToken } from "../standins/cloudflare/connector/cloudflared.ts";
import type { Network } from "../standins/cloudflare/connector/network.ts";
import { Tunnel } from "../standins/cloudflare/connector/tunnel.ts";
import {
  type Cloudflare,
  LEAST_PERMISSIONS,
  startCloudflare,
  type Visitor,
} from "../standins/cloudflare/index.ts";

const GOOGLE = { clientId: "google-client", clientSecret: "google-secret" };
const SITE = "shop-code.example.com";
const OPEN = "open.example.com";
const SSH = "ssh-code.example.com";

let cloudflare: Cloudflare;
let network: Network;
let origin: Server;
let echo: TcpServer;
let originPort: number;
let tunnelId: string;
let tunnel: Tunnel;
let log: string[];
let aud: string;
let serviceToken: { id: string; client_id: string; client_secret: string };
let seen: IncomingMessage[] = [];
let respond: ((request: IncomingMessage, response: ServerResponse) => void) | undefined;

// biome-ignore lint/suspicious/noExplicitAny: tests read whatever the API answered
async function api(method: string, path: string, body?: unknown): Promise<any> {
  const response = await fetch(
    `${cloudflare.apiUrl}${path.replace("$account", `/accounts/${cloudflare.accountId}`)}`,
    {
      method,
      headers: { authorization: "Bearer token" },
      ...(body ? { body: JSON.stringify(body) } : {}),
    },
  );
  const answer = (await response.json()) as { result: unknown; errors: unknown[] };
  expect(answer.errors).toEqual([]);
  return answer.result;
}

const port = (server: { address(): unknown }) => (server.address() as { port: number }).port;

async function startOrigin(): Promise<void> {
  origin = createServer((request, response) => {
    seen.push(request);
    if (respond) return respond(request, response);
    response.setHeader("set-cookie", ["a=1", "b=2"]);
    request.pipe(response);
  });
  const sockets = new WebSocketServer({ server: origin });
  sockets.on("connection", (socket) => socket.on("message", (data, binary) => socket.send(data, { binary })));
  origin.listen(0, "127.0.0.1");
  echo = createTcpServer((socket) => socket.pipe(socket)).listen(0, "127.0.0.1");
  await Promise.all([once(origin, "listening"), once(echo, "listening")]);
  originPort = port(origin);
}

const ingress = (...first: object[]) => [
  ...first,
  {
    hostname: SITE,
    service: `http://127.0.0.1:${originPort}`,
    originRequest: { access: { required: true, teamName: "acme", audTag: [aud] } },
  },
  { hostname: OPEN, service: `http://127.0.0.1:${originPort}` },
  { hostname: SSH, service: `tcp://127.0.0.1:${port(echo)}` },
  { service: "http_status:404" },
];

async function configure(rules: object[]): Promise<void> {
  const { version } = await api("PUT", `$account/cfd_tunnel/${tunnelId}/configurations`, {
    config: { ingress: rules },
  });
  await vi.waitFor(() => expect(cloudflare.edge.applied(tunnelId)).toEqual({ version, complaint: null }));
}

function connector(token: string): Tunnel {
  return new Tunnel({
    registration: readToken(token, "11111111-2222-4333-8444-555555555555"),
    edge: { host: "127.0.0.1", port: cloudflare.edge.tunnelPort },
    network,
    log: (line) => log.push(line),
    backoff: 20,
    retries: 1,
  });
}

async function application(domain: string, policies: { id: string }[], more: object = {}) {
  return api("POST", "$account/access/apps", {
    name: domain,
    type: "self_hosted",
    domain,
    policies: policies.map(({ id }) => ({ id })),
    ...more,
  });
}

const record = (name: string) =>
  api("POST", `/zones/${cloudflare.zoneId}/dns_records`, {
    type: "CNAME",
    name,
    content: `${tunnelId}.cfargotunnel.com`,
    ttl: 1,
    proxied: true,
  });

beforeAll(async () => {
  cloudflare = await startCloudflare({
    domain: "example.com",
    teamName: "acme",
    tokens: { token: LEAST_PERMISSIONS },
    ports: { https: 0, tunnel: 0 },
    google: [GOOGLE],
  });
  log = [];
  const at = () => ({ host: "127.0.0.1", port: cloudflare.edge.httpsPort });
  network = { ca: readFileSync(cloudflare.caFile), at };
  await startOrigin();
  tunnelId = (await api("POST", "$account/cfd_tunnel", { name: "t", config_src: "cloudflare" })).id;
  serviceToken = await api("POST", "$account/access/service_tokens", { name: "ci" });
  const config = { client_id: GOOGLE.clientId, client_secret: GOOGLE.clientSecret };
  await api("POST", "$account/access/identity_providers", { name: "Google", type: "google", config });
  await api("POST", "$account/access/identity_providers", { name: "PIN", type: "onetimepin", config: {} });
  const people = await api("POST", "$account/access/policies", {
    name: "people",
    decision: "allow",
    include: [{ email_domain: { domain: "example.com" } }],
    exclude: [{ email: { email: "gone@example.com" } }],
    session_duration: "1h",
  });
  const machines = await api("POST", "$account/access/policies", {
    name: "machines",
    decision: "non_identity",
    include: [{ service_token: { token_id: serviceToken.id } }],
  });
  ({ aud } = await application(SITE, [people, machines]));
  await application(SSH, [machines]);
  for (const name of [SITE, OPEN, SSH, "lost.example.com"]) await record(name);
  const token = await api("GET", `$account/cfd_tunnel/${tunnelId}/token`);
  tunnel = connector(token);
  void tunnel.run();
  await once(tunnel, "ready");
  await configure(ingress());
});

afterAll(async () => {
  tunnel.stop();
  origin.closeAllConnections();
  origin.close();
  echo.close();
  await cloudflare.stop();
});

const visit = (path = "/", headers: Record<string, string> = {}, hostname = SITE) => {
  seen = [];
  return cloudflare.edge.fetch(`https://${hostname}${path}`, { headers });
};
const machine = () => ({
  "CF-Access-Client-Id": serviceToken.client_id,
  "CF-Access-Client-Secret": serviceToken.client_secret,
});
const signed = (more: object = {}) =>
  cloudflare.sign({ application: SITE, email: "ann@example.com", ...more });

describe("the edge, in front of an application", () => {
  it("sends who has no token to the login, with the way back", async () => {
    const response = await visit("/a?b=c");
    expect(response.status).toBe(302);
    const location = new URL(response.headers.get("location") ?? "");
    expect(location.origin + location.pathname).toBe(
      `https://acme.cloudflareaccess.com/cdn-cgi/access/login/${SITE}`,
    );
    expect(location.searchParams.get("kid")).toBe(aud);
    expect(location.searchParams.get("redirect_url")).toBe("/a?b=c");
    expect(seen).toEqual([]);
  });

  it("answers 401 to a page's own requests", async () => {
    expect((await visit("/", { "X-Requested-With": "XMLHttpRequest" })).status).toBe(401);
  });

  it.each([
    ["expired", { expiresIn: -60 }],
    ["forged", { forged: true }],
    ["another application's", { application: SSH }],
    ["another issuer's", { issuer: "https://evil.cloudflareaccess.com" }],
  ])("refuses a token that is %s, here and at the connector", async (_, options) => {
    const token = await signed(options);
    expect((await visit("/", { cookie: `CF_Authorization=${token}` })).status).toBe(302);
    expect((await visit("/", { "cf-access-token": token })).status).toBe(302);
    const past = await cloudflare.bypass(`https://${SITE}/`, {
      headers: { "Cf-Access-Jwt-Assertion": token },
    });
    // cloudflared answers 403 for a wrong audience, and 502 for what it can't verify.
    expect(past.status).toBe("application" in options ? 403 : 502);
    expect(seen).toEqual([]);
  });

  it("refuses no token at the connector as well, and takes a valid one", async () => {
    expect((await cloudflare.bypass(`https://${SITE}/`)).status).toBe(403);
    const headers = { "Cf-Access-Jwt-Assertion": await signed() };
    expect((await cloudflare.bypass(`https://${SITE}/`, { headers })).status).toBe(200);
  });

  it("lets a valid token through and tells the origin who it is, whatever the visitor claims", async () => {
    const token = await signed();
    const response = await visit("/x?y=z", {
      cookie: `CF_Authorization=${token}; other=1`,
      "Cf-Access-Authenticated-User-Email": "boss@example.com",
      "Cf-Access-Jwt-Assertion": "spoofed",
      "Cf-Connecting-Ip": "1.2.3.4",
      "X-Forwarded-Proto": "http",
    });
    expect(response.status).toBe(200);
    expect(response.headers.getSetCookie()).toEqual(["a=1", "b=2"]);
    const [request] = seen;
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

  it("lets a service token in, and gives it a cookie", async () => {
    const response = await visit("/", machine());
    expect(response.status).toBe(200);
    expect(seen[0]?.headers).not.toHaveProperty("cf-access-client-secret");
    const cookie = /CF_Authorization=([^;]+)/.exec(response.headers.get("set-cookie") ?? "")?.[0] ?? "";
    expect((await visit("/", { cookie })).status).toBe(200);
    expect((await visit("/", { ...machine(), "CF-Access-Client-Secret": "wrong" })).status).toBe(302);
  });

  it("has nobody log in where only machines may enter", async () => {
    expect((await visit("/", {}, SSH)).status).toBe(403);
    expect(await (await visit("/", {}, SSH)).text()).toContain("Forbidden");
  });

  it("leaves hostnames alone that have no application", async () => {
    expect((await visit("/", {}, OPEN)).status).toBe(200);
    expect(seen[0]?.headers).not.toHaveProperty("cf-access-jwt-assertion");
  });

  it("knows only names with a proxied record", async () => {
    expect((await visit("/", {}, "unknown.example.com")).status).toBe(530);
  });

  it("publishes its keys, on the team's domain and on the hostname", async () => {
    for (const host of [SITE, cloudflare.teamDomain]) {
      const certs = await cloudflare.edge.fetch(`https://${host}/cdn-cgi/access/certs`);
      const { keys, public_certs } = (await certs.json()) as {
        keys: { kid: string }[];
        public_certs: object[];
      };
      expect(keys[0]).toMatchObject({ kty: "RSA", alg: "RS256", use: "sig" });
      expect(public_certs[0]).toMatchObject({ kid: keys[0]?.kid });
    }
  });

  it("tells cloudflared about the application when asked", async () => {
    const response = await visit("/", { "cf-access-metadata-request": "true" });
    const [, claims = ""] = response.headers.get("cf-access-metadata")?.split(".") ?? [];
    expect(JSON.parse(Buffer.from(claims, "base64url").toString())).toMatchObject({
      aud,
      type: "match",
      hostname: SITE,
    });
  });
});

describe("revocation", () => {
  it("lets a token be valid whatever becomes of the policies, until the application's tokens are revoked", async () => {
    const headers = { cookie: `CF_Authorization=${await signed({ email: "out@example.org" })}` };
    expect((await visit("/", headers)).status).toBe(200);
    const app = [...cloudflare.state.applications.values()].find((each) => each.domain === SITE);
    await api("POST", `$account/access/apps/${app?.id}/revoke_tokens`);
    expect((await visit("/", headers)).status).toBe(302);
    expect((await visit("/", { cookie: `CF_Authorization=${await signed()}` })).status).toBe(200);
  });

  it("ends one person's sessions", async () => {
    const headers = (token: string) => ({ cookie: `CF_Authorization=${token}` });
    const [ann, bob] = [await signed(), await signed({ email: "bob@example.com" })];
    await api("POST", "$account/access/organizations/revoke_user", { email: "ann@example.com" });
    expect((await visit("/", headers(ann))).status).toBe(302);
    expect((await visit("/", headers(bob))).status).toBe(200);
    expect((await visit("/", headers(await signed()))).status).toBe(200);
  });
});

async function page(visitor: Visitor, url = `https://${SITE}/start?x=1`) {
  const { url: at, response } = await visitor.visit(url);
  return { url: at, status: response.status, html: await response.text() };
}

const link = (html: string, text: string) =>
  new RegExp(`<a href="([^"]+)">${text}</a>`).exec(html)?.[1]?.replaceAll("&amp;", "&") ?? "";

async function google(visitor: Visitor, email: string) {
  const choice = await page(visitor);
  expect(choice.html).toContain("Send me a code");
  const form = await page(
    visitor,
    `https://${cloudflare.teamDomain}${link(choice.html, "Sign in with Google")}`,
  );
  expect(new URL(form.url).hostname).toBe("accounts.google.com");
  return await visitor.submit(form, { email });
}

describe("logging in", () => {
  it("with Google leads back to where one was going", async () => {
    const visitor = cloudflare.edge.visitor();
    const { url, response } = await google(visitor, "ann@example.com");
    expect([url, response.status]).toEqual([`https://${SITE}/start?x=1`, 200]);
    const identity = await visitor.step(`https://${SITE}/cdn-cgi/access/get-identity`);
    expect(await identity.json()).toMatchObject({ email: "ann@example.com" });
    const again = await visitor.visit(`https://${SITE}/`);
    expect(again.response.status).toBe(200);
  });

  it("turns away whom no policy allows", async () => {
    for (const email of ["eve@example.org", "gone@example.com"]) {
      const { response } = await google(cloudflare.edge.visitor(), email);
      expect(response.status).toBe(403);
      expect(await response.text()).toContain("That account does not have access");
    }
  });

  it("renews an application's token as long as the team's session lasts and the policies agree", async () => {
    const visitor = cloudflare.edge.visitor();
    await google(visitor, "cat@example.com");
    const app = [...cloudflare.state.applications.values()].find((each) => each.domain === SITE);
    await api("POST", `$account/access/apps/${app?.id}/revoke_tokens`);
    expect((await visitor.visit(`https://${SITE}/again`)).response.status).toBe(200);
  });

  it("ends with the logout, everywhere", async () => {
    const visitor = cloudflare.edge.visitor();
    await google(visitor, "dan@example.com");
    const token = visitor.cookie(SITE, "CF_Authorization");
    const out = await visitor.visit(`https://${SITE}/cdn-cgi/access/logout`);
    expect(await out.response.text()).toContain("logged out");
    expect(visitor.cookie(SITE, "CF_Authorization")).toBeUndefined();
    expect((await visit("/", { cookie: `CF_Authorization=${token}` })).status).toBe(302);
    expect((await page(visitor)).html).toContain("Log in to");
  });

  async function askForCode(visitor: Visitor, email: string) {
    const choice = await page(visitor);
    const { url, response } = await visitor.submit(choice, { email });
    return { url, html: await response.text() };
  }

  it("with a one-time PIN takes the code once", async () => {
    const visitor = cloudflare.edge.visitor();
    const wrong = await askForCode(visitor, "ann@example.com");
    const refused = await visitor.submit(wrong, { code: "no" });
    expect(refused.response.status).toBe(400);
    const form = await askForCode(visitor, "Ann@example.com");
    const { url, response } = await visitor.submit(form, {
      code: cloudflare.edge.lastCode("ann@example.com") ?? "",
    });
    expect([url, response.status]).toEqual([`https://${SITE}/start?x=1`, 200]);
  });

  it("with a one-time PIN sends no code to whom no policy allows, and shows the same page", async () => {
    const form = await askForCode(cloudflare.edge.visitor(), "eve@example.org");
    expect(form.html).toContain("Enter code");
    expect(cloudflare.edge.lastCode("eve@example.org")).toBeUndefined();
  });

  it("fails where Google doesn't know the client, or its secret", async () => {
    const provider = [...cloudflare.state.identityProviders.values()].find(({ type }) => type === "google");
    if (!provider) throw new Error("no provider");
    provider.client_secret = "other";
    expect((await google(cloudflare.edge.visitor(), "ann@example.com")).response.status).toBe(400);
    provider.client_id = "other";
    const choice = await page(cloudflare.edge.visitor());
    const refusal = await page(
      cloudflare.edge.visitor(),
      `https://${cloudflare.teamDomain}${link(choice.html, "Sign in with Google")}`,
    );
    expect([refusal.status, refusal.html]).toEqual([401, expect.stringContaining("invalid_client")]);
    Object.assign(provider, { client_id: GOOGLE.clientId, client_secret: GOOGLE.clientSecret });
  });

  it("goes straight to the only provider where the application says so, and never to another site", async () => {
    const [policy] = [...cloudflare.state.policies.values()];
    const provider = [...cloudflare.state.identityProviders.values()].find(({ type }) => type === "google");
    await application("lost.example.com", [{ id: policy?.id ?? "" }], {
      allowed_idps: [provider?.id],
      auto_redirect_to_identity: true,
    });
    const visitor = cloudflare.edge.visitor();
    const form = await page(visitor, "https://lost.example.com//evil.test/");
    expect(new URL(form.url).hostname).toBe("accounts.google.com");
    const { url } = await visitor.submit(form, { email: "ann@example.com" });
    expect(url).toBe("https://lost.example.com/");
  });
});

describe("through the tunnel", () => {
  it("carries bodies both ways", async () => {
    seen = [];
    const body = "x".repeat(3_000_000);
    const response = await cloudflare.edge.fetch(`https://${OPEN}/`, { method: "POST", body });
    expect((await response.text()).length).toBe(body.length);
    expect(seen[0]?.method).toBe("POST");
  });

  it("refuses bodies over 100 MB", async () => {
    const headers = { "content-length": String(101 * 1024 * 1024) };
    const response = cloudflare.edge.fetch(`https://${OPEN}/`, { method: "POST", headers, body: "x" });
    expect((await response).status).toBe(413);
  });

  it("passes events on one by one", async () => {
    let held: ServerResponse | undefined;
    respond = (_, response) => {
      held = response;
      response.writeHead(200, { "content-type": "text/event-stream" }).write("data: 1\n\n");
    };
    const response = await visit("/events", {}, OPEN);
    respond = undefined;
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    expect((await reader?.read())?.value).toBe("data: 1\n\n");
    held?.write("data: 2\n\n");
    expect((await reader?.read())?.value).toBe("data: 2\n\n");
    held?.end();
    expect((await reader?.read())?.done).toBe(true);
  });

  it("keeps what has a length until there are 4 KiB of it, as cloudflared does", async () => {
    let held: ServerResponse | undefined;
    respond = (_, response) => {
      held = response;
      response.writeHead(200, { "content-type": "text/plain", "content-length": "5" }).write("12");
    };
    let arrived = false;
    const response = visit("/", {}, OPEN).finally(() => {
      arrived = true;
    });
    await vi.waitFor(() => expect(held).toBeDefined());
    respond = undefined;
    await new Promise((done) => setTimeout(done, 100));
    expect(arrived).toBe(false);
    held?.end("345");
    expect(await (await response).text()).toBe("12345");
  });

  it.each([204, 304, 404, 500])("passes status %i on", async (status) => {
    respond = (_, response) => response.writeHead(status, { etag: "x" }).end();
    const response = await visit("/", {}, OPEN);
    respond = undefined;
    expect([response.status, response.headers.get("etag")]).toEqual([status, "x"]);
  });

  it("answers HEAD", async () => {
    respond = (_, response) => response.writeHead(200, { "content-length": "7" }).end();
    const response = await cloudflare.edge.fetch(`https://${OPEN}/`, { method: "HEAD" });
    respond = undefined;
    expect([response.status, response.headers.get("content-length")]).toEqual([200, "7"]);
  });

  const websocket = (hostname: string, headers: Record<string, string> = {}) => {
    const { host, port: at } = network.at(hostname);
    const options = { servername: hostname, ca: network.ca, headers: { host: hostname, ...headers } };
    return new WebSocket(`wss://${host}:${at}/socket`, options);
  };

  it("carries WebSockets, behind Access too", async () => {
    const socket = websocket(SITE, { cookie: `CF_Authorization=${await signed()}` });
    await once(socket, "open");
    socket.send("hello");
    const [data, binary] = await once(socket, "message");
    expect([String(data), binary]).toEqual(["hello", false]);
    socket.close();
    await once(socket, "close");
  });

  it("sends a WebSocket without a token to the login", async () => {
    const socket = websocket(SITE);
    const [, response] = (await once(socket, "unexpected-response")) as [unknown, IncomingMessage];
    expect(response.statusCode).toBe(302);
    socket.on("error", () => {});
    socket.terminate();
  });

  it("answers 502 where the origin doesn't, and 404 for other paths", async () => {
    const unreachable = { hostname: OPEN, path: "^/down", service: "http://127.0.0.1:1" };
    await configure(ingress(unreachable, { hostname: OPEN, path: "^/gone", service: "http_status:410" }));
    expect((await visit("/down", {}, OPEN)).status).toBe(502);
    expect((await visit("/gone", {}, OPEN)).status).toBe(410);
    expect((await visit("/", {}, OPEN)).status).toBe(200);
    await configure(ingress());
    expect((await visit("/down", {}, OPEN)).status).toBe(200);
  });

  it("tells the API what a connector can't do", async () => {
    const rule = { hostname: OPEN, service: "http://a", originRequest: { http2Origin: true } };
    await api("PUT", `$account/cfd_tunnel/${tunnelId}/configurations`, {
      config: { ingress: ingress(rule) },
    });
    await vi.waitFor(() => expect(cloudflare.edge.applied(tunnelId).complaint).toContain("http2Origin"));
    await configure(ingress());
  });

  it("sends another host to the origin where a rule says so", async () => {
    await configure([
      {
        hostname: OPEN,
        service: `http://127.0.0.1:${originPort}`,
        originRequest: { httpHostHeader: "inner" },
      },
      { service: "http_status:404" },
    ]);
    await visit("/", {}, OPEN);
    expect(seen[0]?.headers).toMatchObject({ host: "inner", "x-forwarded-host": OPEN });
    await configure(ingress());
  });
});

describe("cloudflared access", () => {
  const client = (args: string[]) => {
    const [input, output] = [new PassThrough(), new PassThrough()];
    const done = carry(args, network, Duplex.from({ readable: input, writable: output }));
    return { input, output, done };
  };

  it("carries a TCP connection with a service token", async () => {
    const { input, output, done } = client([
      "--hostname",
      SSH,
      "--id",
      serviceToken.client_id,
      "--secret",
      serviceToken.client_secret,
    ]);
    input.write("SSH-2.0-me\r\n");
    const [data] = (await once(output, "data")) as [Buffer];
    expect(data.toString()).toBe("SSH-2.0-me\r\n");
    input.end();
    await done;
  });

  it("says what is wrong", async () => {
    await expect(client(["--hostname", SSH]).done).rejects.toThrow("bad handshake (status 403)");
    await expect(client(["--hostname", SITE]).done).rejects.toThrow("Access wants a login");
    await expect(client(["--nonsense"]).done).rejects.toThrow("flag provided but not defined: -nonsense");
    await expect(client([]).done).rejects.toThrow("hostname is required");
  });
});

describe("connectors", () => {
  it("are shown with their tunnel, and keep it from being deleted", async () => {
    const { status, connections } = await api("GET", `$account/cfd_tunnel/${tunnelId}`);
    expect([status, connections.length]).toEqual(["healthy", 1]);
    const response = await fetch(
      `${cloudflare.apiUrl}/accounts/${cloudflare.accountId}/cfd_tunnel/${tunnelId}`,
      {
        method: "DELETE",
        headers: { authorization: "Bearer token" },
      },
    );
    expect(response.status).toBe(400);
  });

  it("dial in again when the connection is cut, and are missed meanwhile", async () => {
    cloudflare.edge.drop(tunnelId);
    await vi.waitFor(async () => expect((await visit("/", {}, OPEN)).status).toBe(530), { interval: 1 });
    await vi.waitFor(async () => expect((await visit("/", {}, OPEN)).status).toBe(200), { timeout: 5000 });
  });

  it("let requests end when they are stopped, and take no more", async () => {
    let held: ServerResponse | undefined;
    respond = (_, response) => {
      held = response;
      response.writeHead(200, { "content-type": "text/event-stream" }).write("data: 1\n\n");
    };
    const { body } = await visit("/", {}, OPEN);
    respond = undefined;
    tunnel.stop(10_000);
    await vi.waitFor(async () => expect((await visit("/", {}, OPEN)).status).toBe(530));
    held?.end("data: 2\n\n");
    expect(await new Response(body).text()).toBe("data: 1\n\ndata: 2\n\n");
    await vi.waitFor(() => expect(cloudflare.state.tunnels.get(tunnelId)?.connections).toEqual([]));
    tunnel = connector(await api("GET", `$account/cfd_tunnel/${tunnelId}/token`));
    void tunnel.run();
    await once(tunnel, "ready");
  });

  it("are refused without the tunnel's secret, and give up", async () => {
    const content = { a: cloudflare.accountId, t: tunnelId, s: Buffer.alloc(32).toString("base64") };
    const wrong = connector(Buffer.from(JSON.stringify(content)).toString("base64"));
    await expect(wrong.run()).rejects.toThrow("Unauthorized: Invalid tunnel secret");
    const other = { ...content, t: "22222222-2222-4333-8444-555555555555" };
    const lost = connector(Buffer.from(JSON.stringify(other)).toString("base64"));
    await expect(lost.run()).rejects.toThrow("Unauthorized: Tunnel not found");
    expect(() => readToken("nonsense", "x")).toThrow("Provided Tunnel token is not valid.");
  });
});
