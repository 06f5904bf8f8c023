import { once } from "node:events";
import { request as plainRequest } from "node:http";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { WebSocket } from "ws";
import { type Example, SITE, startExample } from "../../lab/clouds/cloudflare/example/index.ts";
import { type Opened, openProxy, Person } from "../support/attach/example.ts";
import { v1, v2 } from "../support/attach/releases.ts";

let example: Example;
const opened: Opened[] = [];

const open = async (...args: Parameters<typeof openProxy>) => {
  const one = await openProxy(...args);
  opened.push(one);
  return one;
};
const ann = (options: object = {}) => new Person(() => example.sign(options));

beforeAll(async () => {
  example = await startExample();
});

afterEach(async () => {
  example.answer();
  example.seen = [];
  await Promise.all(opened.splice(0).map(({ proxy }) => proxy.close()));
});

afterAll(() => example.stop());

describe("the local proxy", () => {
  it("adds a person's token and drops the client's own credentials", async () => {
    const { ask } = await open(example, ann());
    const body = "a prompt";
    const headers = { cookie: "a=b", referer: "http://x.test/", "x-mine": "1" };
    const response = await ask("/any?x=%2F", { method: "POST", body, headers });
    expect([response.status, await response.text()]).toEqual([200, body]);
    expect(response.headers.getSetCookie()).toEqual([]);
    const [seen] = example.seen;
    expect(seen?.url).toBe("/any?x=%2F");
    expect(seen?.headers).toMatchObject({
      host: SITE,
      "x-mine": "1",
      "cf-access-authenticated-user-email": "ann@example.com",
    });
    for (const name of ["cookie", "referer", "authorization"]) expect(seen?.headers).not.toHaveProperty(name);
  });

  it("adds a service token and drops the cookie that comes back", async () => {
    const { ask } = await open(example);
    const response = await ask("/");
    expect(response.status).toBe(200);
    expect(response.headers.getSetCookie()).toEqual([]);
    await response.text();
  });

  it("accepts the secret as the first path segment", async () => {
    const { proxy } = await open(example, ann());
    expect((await fetch(`${proxy.secretUrl}/any?a=1`)).status).toBe(200);
    expect(example.seen.at(-1)?.url).toBe("/any?a=1");
    expect((await fetch(proxy.secretUrl)).status).toBe(200);
    expect(example.seen.at(-1)?.url).toBe("/");
  });

  it.each([
    ["no password", {}, 401],
    ["an invalid password", { authorization: "Basic b3BlbmNvZGU6eA==" }, 401],
    ["a page of another site", { origin: "https://evil.test", right: "1" }, 403],
    ["a sandboxed page", { origin: "null", right: "1" }, 403],
    ["an image of another site's page", { "sec-fetch-site": "cross-site", right: "1" }, 403],
    ["a foreign name that resolves to this machine", { host: "evil.test", right: "1" }, 403],
    ["another port's name", { host: "127.0.0.1:1", right: "1" }, 403],
  ])("refuses %s", async (_, { right, ...headers }: Record<string, string>, status) => {
    const { proxy } = await open(example, ann());
    const { port } = new URL(proxy.url);
    const path = right ? `/${proxy.guard.secret}/` : "/";
    const sent = plainRequest({ host: "127.0.0.1", port, path, headers }).end();
    const [response] = await once(sent, "response");
    response.resume();
    expect(response.statusCode).toBe(status);
    const upgrade = { connection: "Upgrade", upgrade: "websocket" };
    const socket = plainRequest({ host: "127.0.0.1", port, path, headers: { ...headers, ...upgrade } }).end();
    const [refused] = await once(socket, "response");
    refused.resume();
    expect(refused.statusCode).toBe(status);
    expect(example.seen).toEqual([]);
  });

  it.each(["oc://renderer", "vscode-webview://1a2b", "tauri://localhost", "https://tauri.localhost"])(
    "serves the application %s, which has the whole URL, and no other's page",
    async (origin) => {
      const { proxy } = await open(example, ann());
      const { port } = new URL(proxy.url);
      const call = async (path: string, method: string, headers: Record<string, string>) => {
        const sent = plainRequest({ host: "127.0.0.1", port, path, method, headers }).end();
        const [response] = await once(sent, "response");
        response.resume();
        return response;
      };
      const own = `/${proxy.guard.secret}/any`;
      const fromApp = { origin, "sec-fetch-site": "cross-site" };
      const asked = { ...fromApp, "access-control-request-method": "POST" };
      const preflight = await call(own, "OPTIONS", { ...asked, "access-control-request-headers": "x-own" });
      expect(preflight.statusCode).toBe(204);
      expect(preflight.headers).toMatchObject({
        "access-control-allow-origin": origin,
        "access-control-allow-methods": "POST",
        "access-control-allow-headers": "x-own",
      });
      expect(example.seen).toEqual([]);
      const answer = await call(own, "POST", fromApp);
      expect([answer.statusCode, answer.headers["access-control-allow-origin"]]).toEqual([200, origin]);
      expect(example.seen.at(-1)).toMatchObject({ url: "/any", method: "POST" });
      // Without the secret it is a page like any other.
      expect((await call("/any", "POST", fromApp)).statusCode).toBe(403);
    },
  );

  it.each([
    { api: v1, names: ["OPENCODE_SERVER_USERNAME", "OPENCODE_SERVER_PASSWORD"] },
    { api: v2, names: ["OPENCODE_PASSWORD"] },
  ])("gives a client of $api.major.x the password, and accepts it", async ({ api, names }) => {
    const { proxy } = await open(example, ann(), undefined, api);
    const { environment, secret } = proxy.guard;
    expect(environment).toEqual(api.terminal.environment(secret));
    expect(Object.keys(environment)).toEqual(expect.arrayContaining(names));
    const withUser = (user: string) =>
      fetch(`${proxy.url}/any`, {
        headers: { authorization: `Basic ${Buffer.from(`${user}:${secret}`).toString("base64")}` },
      });
    expect([(await withUser("opencode")).status, (await withUser("x")).status]).toEqual([200, 401]);
  });

  it.each([v1, v2])("proxies a WebSocket of $major.x", async (api) => {
    const { proxy } = await open(example, ann(), undefined, api);
    const url = `${proxy.url.replace("http", "ws")}/socket`;
    const socket = new WebSocket(url, { auth: `opencode:${proxy.guard.secret}` });
    await once(socket, "open");
    socket.send("echo");
    const [data] = await once(socket, "message");
    expect(String(data)).toBe("echo");
    // The check of the token before it opens.
    expect(example.seen[0]?.url).toBe(api.health.path);
    socket.close();
    await once(socket, "close");
  });

  it("renews a revoked token before it opens a WebSocket", async () => {
    const person = ann();
    const { ask, proxy } = await open(example, person);
    expect((await ask("/")).status).toBe(200);
    example.cloudflare.state.revokedPeople.set("ann@example.com", Date.now());
    await new Promise((resolve) => setTimeout(resolve, 5));
    const socket = new WebSocket(`${proxy.secretUrl.replace("http", "ws")}/socket`);
    await once(socket, "open");
    expect(person.logins).toBe(2);
    socket.close();
    await once(socket, "close");
  });

  it("answers 401 to a WebSocket that Access refuses", async () => {
    const { proxy, problems } = await open(example, new Person(async () => undefined));
    const socket = new WebSocket(`${proxy.secretUrl.replace("http", "ws")}/socket`);
    const [, response] = await once(socket, "unexpected-response");
    response.resume();
    expect([response.statusCode, problems.map(({ kind }) => kind)]).toEqual([401, ["login"]]);
  });

  it("forwards each event without buffering", async () => {
    const { ask } = await open(example, ann());
    let send: (text: string) => void = () => {};
    example.answer((_, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" }).flushHeaders();
      send = (text) => response.write(text);
    });
    const reader = (await ask("/stream")).body?.getReader();
    for (const text of ["data: 1\n\n", "data: 2\n\n"]) {
      send(text);
      expect(Buffer.from((await reader?.read())?.value ?? []).toString()).toBe(text);
    }
    await reader?.cancel();
  });

  it("loses no event of 100 concurrent streams", async () => {
    const { ask } = await open(example, ann());
    const EVENTS = 50;
    example.answer(async (request, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      for (let n = 0; n < EVENTS; n++) {
        response.write(`data: ${request.url} ${n}\n\n`);
        await new Promise(setImmediate);
      }
      response.end();
    });
    const streams = Array.from({ length: 100 }, async (_, i) => (await ask(`/stream/${i}`)).text());
    const received = await Promise.all(streams);
    const wanted = (i: number) =>
      Array.from({ length: EVENTS }, (_, n) => `data: /stream/${i} ${n}\n\n`).join("");
    expect(received).toEqual(received.map((_, i) => wanted(i)));
  });

  it("breaks the client's stream when the server's breaks", async () => {
    const { ask } = await open(example, ann());
    example.answer((_, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" }).write("data: 1\n\n");
      setTimeout(() => response.destroy(), 50);
    });
    await expect((await ask("/stream")).text()).rejects.toThrow();
  });
});

describe("an expired or revoked token", () => {
  it("is renewed once, and the waiting prompts are resent", async () => {
    const person = ann();
    const { ask } = await open(example, person);
    expect((await ask("/")).status).toBe(200);
    example.cloudflare.state.revokedPeople.set("ann@example.com", Date.now());
    await new Promise((resolve) => setTimeout(resolve, 5));
    const asked = Array.from({ length: 10 }, (_, i) => ask("/any", { method: "POST", body: `prompt ${i}` }));
    const answers = await Promise.all(asked);
    expect(await Promise.all(answers.map((each) => each.text()))).toEqual(
      answers.map((_, i) => `prompt ${i}`),
    );
    expect(person.logins).toBe(2);
  });

  it("answers 503 with Retry-After for a body that can't be resent", async () => {
    const { ask } = await open(example, ann());
    await ask("/");
    example.cloudflare.state.revokedPeople.set("ann@example.com", Date.now());
    await new Promise((resolve) => setTimeout(resolve, 5));
    const body = new Blob(["x".repeat(100)]).stream();
    const init = { method: "POST", body, duplex: "half" } as RequestInit;
    const response = await ask("/upload", init);
    expect([response.status, response.headers.get("retry-after")]).toEqual([503, "0"]);
    const again = await ask("/upload", { ...init, body: new Blob(["ok"]).stream() });
    expect([again.status, await again.text()]).toEqual([200, "ok"]);
  });

  it("is replaced by a newer stored token before it expires", async () => {
    const person = ann({ expiresIn: 30 });
    const { ask } = await open(example, person);
    expect((await ask("/")).status).toBe(200);
    expect(person.logins).toBe(1);
    // Another login stored a newer token.
    const newer = await example.sign({ expiresIn: 3600 });
    person.token = newer;
    vi.useFakeTimers({ now: Date.now() + 15_000, toFake: ["Date"] });
    await ask("/").finally(() => vi.useRealTimers());
    expect(example.seen.at(-1)?.headers["cf-access-jwt-assertion"]).toBe(newer);
    expect(person.logins).toBe(1);
  });

  it("that can't be renewed is reported, without a login per request", async () => {
    const person = new Person(async () => undefined);
    const { ask, problems } = await open(example, person);
    const response = await ask("/");
    expect([response.status, await response.text()]).toEqual([
      401,
      expect.stringContaining("cloudflared access login"),
    ]);
    await ask("/");
    expect(person.logins).toBe(1);
    expect(problems.map(({ kind }) => kind)).toEqual(["login", "login"]);
  });

  it("is reported as notMember for a service token", async () => {
    const machine = { "CF-Access-Client-Id": "x.access", "CF-Access-Client-Secret": "y" };
    const { ask, problems } = await open(example, undefined, machine);
    expect((await ask("/")).status).toBe(401);
    expect(problems.map(({ kind }) => kind)).toEqual(["notMember"]);
  });
});
