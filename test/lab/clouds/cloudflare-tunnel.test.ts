import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { setTimeout as wait } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { WebSocket } from "ws";
import { type Example, OPEN, SITE, startExample } from "../../../lab/clouds/cloudflare/example/index.ts";

let example: Example;

beforeAll(async () => {
  example = await startExample();
});

afterAll(() => example.stop());
afterEach(() => example.answer());

const visit = (path = "/") => example.visit(path, {}, OPEN);

describe("requests through the tunnel", () => {
  it("have bodies in both directions", async () => {
    const body = "x".repeat(3_000_000);
    const response = await example.cloudflare.edge.fetch(`https://${OPEN}/`, { method: "POST", body });
    expect((await response.text()).length).toBe(body.length);
    expect(example.seen[0]?.method).toBe("POST");
  });

  it("are limited to bodies of 100 MB", async () => {
    const headers = { "content-length": String(101 * 1024 * 1024) };
    const sent = example.cloudflare.edge.fetch(`https://${OPEN}/`, { method: "POST", headers, body: "x" });
    expect((await sent).status).toBe(413);
  });

  it("stream events one by one", async () => {
    let held: ServerResponse | undefined;
    example.answer((_, response) => {
      held = response;
      response.writeHead(200, { "content-type": "text/event-stream" }).write("data: 1\n\n");
    });
    const response = await visit("/events");
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    expect((await reader?.read())?.value).toBe("data: 1\n\n");
    held?.write("data: 2\n\n");
    expect((await reader?.read())?.value).toBe("data: 2\n\n");
    held?.end();
    expect((await reader?.read())?.done).toBe(true);
  });

  it("end at the origin when the visitor disconnects", async () => {
    let closed = false;
    example.answer((request, response) => {
      request.on("close", () => {
        closed = true;
      });
      response.writeHead(200, { "content-type": "text/event-stream" }).write("data: 1\n\n");
    });
    const leaving = new AbortController();
    const url = `https://${OPEN}/events`;
    const { body } = await example.cloudflare.edge.fetch(url, { signal: leaving.signal });
    await body?.getReader().read();
    leaving.abort();
    await vi.waitFor(() => expect(closed).toBe(true));
  });

  it("receive a response with a length in pieces of 4 KiB, as from cloudflared", async () => {
    let held: ServerResponse | undefined;
    example.answer((_, response) => {
      held = response;
      response.writeHead(200, { "content-type": "text/plain", "content-length": "5" }).write("12");
    });
    let arrived = false;
    const response = visit().finally(() => {
      arrived = true;
    });
    await vi.waitFor(() => expect(held).toBeDefined());
    await wait(100);
    expect(arrived).toBe(false);
    held?.end("345");
    expect(await (await response).text()).toBe("12345");
  });

  it.each([204, 304, 404, 500])("pass status %i", async (status) => {
    example.answer((_, response) => response.writeHead(status, { etag: "x" }).end());
    const response = await visit();
    expect([response.status, response.headers.get("etag")]).toEqual([status, "x"]);
  });

  it("can be HEAD", async () => {
    example.answer((_, response) => response.writeHead(200, { "content-length": "7" }).end());
    const response = await example.cloudflare.edge.fetch(`https://${OPEN}/`, { method: "HEAD" });
    expect([response.status, response.headers.get("content-length")]).toEqual([200, "7"]);
  });

  it("aren't blocked by a visitor who doesn't read", async () => {
    example.answer((_, response) => {
      response.writeHead(200, { "content-type": "application/octet-stream" });
      for (let i = 0; i < 32; i++) response.write(Buffer.alloc(1024 * 1024));
    });
    const lazy = await visit();
    example.answer();
    expect((await visit()).status).toBe(200);
    await lazy.body?.cancel();
  });

  it("run in parallel", async () => {
    const gates: ServerResponse[] = [];
    example.answer((request, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" }).write(`data: ${request.url}\n\n`);
      gates.push(response);
    });
    const streams = await Promise.all(Array.from({ length: 120 }, (_, i) => visit(`/${i}`)));
    for (const gate of gates) gate.end("data: end\n\n");
    const texts = await Promise.all(streams.map((stream) => stream.text()));
    expect(texts).toEqual(Array.from({ length: 120 }, (_, i) => `data: /${i}\n\ndata: end\n\n`));
  });

  it("get 502 when an origin closes the connection", async () => {
    example.answer((request) => request.socket.destroy());
    expect((await visit()).status).toBe(502);
  });
});

describe("WebSockets through the tunnel", () => {
  const open = (hostname: string, headers: Record<string, string> = {}) => {
    const { ca, at } = example.network;
    const { host, port } = at(hostname);
    const options = { servername: hostname, ca, headers: { host: hostname, ...headers } };
    return new WebSocket(`wss://${host}:${port}/socket`, options);
  };

  it("pass, behind Access too", async () => {
    const socket = open(SITE, { cookie: `CF_Authorization=${await example.sign()}` });
    await once(socket, "open");
    socket.send("hello");
    const [data, binary] = await once(socket, "message");
    expect([String(data), binary]).toEqual(["hello", false]);
    socket.close();
    await once(socket, "close");
  });

  it("are redirected to the login without a token", async () => {
    const socket = open(SITE);
    const [, response] = (await once(socket, "unexpected-response")) as [unknown, IncomingMessage];
    expect(response.statusCode).toBe(302);
    socket.on("error", () => {});
    socket.terminate();
  });

  it("get the origin's response if it is no WebSocket", async () => {
    await example.configure(
      example.ingress({ hostname: OPEN, path: "^/socket", service: "http_status:418" }),
    );
    const socket = open(OPEN);
    const [, response] = (await once(socket, "unexpected-response")) as [unknown, IncomingMessage];
    expect(response.statusCode).toBe(418);
    socket.on("error", () => {});
    socket.terminate();
    await example.configure();
  });
});

describe("a tunnel's rules", () => {
  it("can change while the connector runs", async () => {
    const unreachable = { hostname: OPEN, path: "^/down", service: "http://127.0.0.1:1" };
    const gone = { hostname: OPEN, path: "^/gone", service: "http_status:410" };
    const { tunnel } = example;
    await example.configure(example.ingress(unreachable, gone));
    expect((await visit("/down")).status).toBe(502);
    expect((await visit("/gone")).status).toBe(410);
    expect((await visit()).status).toBe(200);
    await example.configure();
    expect((await visit("/down")).status).toBe(200);
    expect(example.tunnel).toBe(tunnel);
  });

  it("are rejected by the connector if unsupported", async () => {
    const rule = { hostname: OPEN, service: "http://a", originRequest: { http2Origin: true } };
    expect(await example.configure(example.ingress(rule))).toContain("http2Origin");
    expect((await visit()).status).toBe(200);
    expect(await example.configure()).toBeNull();
  });

  it("can set another host for the origin", async () => {
    const [, open] = example.ingress() as { service: string }[];
    const originRequest = { httpHostHeader: "inner" };
    await example.configure([{ ...open, originRequest }, { service: "http_status:404" }]);
    await visit();
    expect(example.seen[0]?.headers).toMatchObject({ host: "inner", "x-forwarded-host": OPEN });
    await example.configure();
  });
});
