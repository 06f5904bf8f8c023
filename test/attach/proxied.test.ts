/** The attach program behind a company's proxy, with an authority of its own. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { anonymous, serviceToken } from "../../attach/src/credentials.ts";
import { LocalProxy } from "../../attach/src/proxy.ts";
import { fetchText, loopbackExempt, makeAgent, proxyWarning } from "../../attach/src/upstream.ts";
import { type Example, SITE, startExample } from "../../lab/clouds/cloudflare/example/index.ts";
import { type ProxyStandIn, startProxy } from "../../lab/company/proxy.ts";
import { urlAt } from "../support/attach/example.ts";
import { v1 } from "../support/attach/releases.ts";

let example: Example;
let company: ProxyStandIn;
let asked = 0;
const port = () => example.cloudflare.edge.httpsPort;
const proxyUrl = () => `http://127.0.0.1:${company.port}`;
const requests = () => company.requests.slice(asked);

beforeAll(async () => {
  example = await startExample();
  // The edge's name is in no DNS: who reaches it has asked the proxy.
  company = await startProxy((host) => (host === SITE ? port() : undefined), { host: "127.0.0.1" });
});
beforeEach(() => {
  asked = company.requests.length;
});
afterAll(async () => {
  await company?.close();
  await example?.stop();
});

/** A local proxy to the site, which knows nothing of its address. */
async function open(env: NodeJS.ProcessEnv) {
  const target = urlAt(example);
  const { machine, network } = example;
  const credentials = serviceToken({
    CF_ACCESS_CLIENT_ID: machine["CF-Access-Client-Id"],
    CF_ACCESS_CLIENT_SECRET: machine["CF-Access-Client-Secret"],
  });
  if (!credentials) throw new Error("no credentials");
  const agent = makeAgent(target, { ca: network.ca }, env);
  const proxy = new LocalProxy({ target, api: v1, agent, credentials });
  await proxy.listen();
  return proxy;
}

describe.each(["HTTPS_PROXY", "https_proxy"])("with %s", (name) => {
  it("reaches the platform through a tunnel, and keeps it open", async () => {
    const proxy = await open({ [name]: proxyUrl() });
    for (const path of ["/one", "/two"])
      expect(await (await fetch(proxy.secretUrl + path, { method: "POST", body: path })).text()).toBe(path);
    expect(requests()).toEqual([`CONNECT ${SITE}:${port()}`]);
    await proxy.close();
  });

  it("opens WebSockets through it", async () => {
    const proxy = await open({ [name]: proxyUrl() });
    example.answer((request, response) => {
      response.setHeader("content-type", "application/json");
      response.end(request.url === v1.health.path ? '{"healthy":true,"version":"1.18.33"}' : "{}");
    });
    const socket = new WebSocket(`${proxy.secretUrl.replace("http:", "ws:")}/socket`);
    await once(socket, "open");
    socket.terminate();
    example.answer();
    expect(new Set(requests())).toEqual(new Set([`CONNECT ${SITE}:${port()}`]));
    await proxy.close();
  });
});

describe("the proxy", () => {
  it.each([
    ["no_proxy", { no_proxy: SITE }],
    ["NO_PROXY", { NO_PROXY: "example.com,.example.com" }],
  ])("is not used for what is in %s", async (_, exempt) => {
    const { lookup } = example.cloudflare.edge;
    const url = new URL("/", urlAt(example));
    const agent = makeAgent(url, { ca: example.network.ca, lookup }, { HTTPS_PROXY: proxyUrl(), ...exempt });
    expect((await fetchText(url, agent, {})).status).toBe(302);
    agent.destroy();
    expect(requests()).toEqual([]);
  });

  it("is never used for a platform on this machine", async () => {
    const server = createServer((_, response) => response.end("here"));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const url = new URL(`http://web.localhost:${(server.address() as AddressInfo).port}/`);
    const env = { HTTP_PROXY: proxyUrl(), http_proxy: proxyUrl(), HTTPS_PROXY: proxyUrl() };
    const agent = makeAgent(url, {}, env);
    expect((await fetchText(url, agent, await anonymous.headers())).body).toBe("here");
    agent.destroy();
    server.close();
    expect(requests()).toEqual([]);
  });

  it("is refused in a sentence where it is no URL", () => {
    expect(() => makeAgent(urlAt(example), {}, { HTTPS_PROXY: "proxy:3128" })).toThrow(
      "HTTPS_PROXY is not the URL of a proxy.",
    );
  });

  it("does not hide that the platform's certificate is unknown", async () => {
    const url = urlAt(example);
    const agent = makeAgent(url, {}, { HTTPS_PROXY: proxyUrl() });
    await expect(fetchText(url, agent, {})).rejects.toThrow(/certificate/);
    agent.destroy();
  });

  it("is said not to be used where Node is too old for it", () => {
    const url = urlAt(example);
    const env = { HTTPS_PROXY: proxyUrl() };
    expect(proxyWarning(url, env, new Set())).toMatch(/^HTTPS_PROXY is set, and Node .* can't use it/);
    expect(proxyWarning(url, env)).toBeUndefined();
    expect(proxyWarning(new URL("http://localhost:4080"), env, new Set())).toBeUndefined();
  });

  it("is none of opencode's, which is given a port of this machine", () => {
    expect(loopbackExempt({})).toEqual({});
    const value = "intra.example,localhost,127.0.0.1,::1";
    expect(loopbackExempt({ https_proxy: proxyUrl(), NO_PROXY: "intra.example" })).toEqual({
      no_proxy: value,
      NO_PROXY: value,
    });
  });
});
