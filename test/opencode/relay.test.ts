/** The image's relay as it is, on another port: what programs see of a request, and browsers of their answers. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type RequestListener, request, type Server } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { routeFile } from "../../components/proxy/routes.ts";
import { localUrls } from "../../config/naming/urls.ts";
import { RELAY_PORT } from "../../config/projects/ports.ts";
import { OPENCODE } from "../../config/versions.ts";
import { freePort } from "../support/free-port.ts";
import { copyFromImage, RELAY_FILES, readFromImage } from "../support/opencode/image-files.ts";
import { waitFor } from "../support/wait.ts";

const PASSWORD = "of the project's server";
/** As the gateway's route file has it. */
const { http } = JSON.parse(
  routeFile({
    name: "shop",
    urls: localUrls({ port: 4080, localDomain: "localhost" }),
    state: "running",
    version: OPENCODE,
    ports: [{ port: 3000, label: "3000" }],
    password: PASSWORD,
  }),
);
const KEY: string = http.middlewares.shop_port_3000.headers.customRequestHeaders["X-Opencode-Key"];
const PUBLIC = "https://shop-3000-code.example.com";

const folder = mkdtempSync(join(tmpdir(), "relay-"));
let relay: ChildProcess;
let port: number;
let program: Server | undefined;

beforeAll(async () => {
  port = await freePort();
  expect(readFromImage("relay.mjs")).toContain(`const PORT = ${RELAY_PORT};`);
  writeFileSync(join(folder, "password"), PASSWORD);
  copyFromImage(folder, RELAY_FILES, [
    [`const PORT = ${RELAY_PORT};`, `const PORT = ${port};`],
    ["/run/opencode/password", join(folder, "password")],
  ]);
  relay = spawn(process.execPath, [join(folder, "relay.mjs")], { stdio: ["ignore", "ignore", "inherit"] });
  await waitFor("the relay", async () => ({ done: await ask(0) }));
});
afterAll(() => {
  relay.kill();
  rmSync(folder, { recursive: true });
});
afterEach(() => {
  program?.closeAllConnections();
  program?.close();
  program = undefined;
});

/** Starts the project's program; on IPv4's loopback alone unless told otherwise. */
async function serve(listener: RequestListener, host = "127.0.0.1"): Promise<number> {
  program?.close();
  program = createServer(listener).listen(0, host);
  await once(program, "listening");
  return (program.address() as AddressInfo).port;
}

interface Asked {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string | Buffer;
}

/** A request as the gateway sends it. */
async function ask(target: number, { method = "GET", path = "/", headers = {}, body }: Asked = {}) {
  const sent = request({
    port,
    method,
    path,
    headers: {
      host: "shop-3000-code.example.com",
      "x-forwarded-host": "shop-3000-code.example.com",
      "x-forwarded-proto": "https",
      "x-opencode-port": String(target),
      "x-opencode-origin": PUBLIC,
      "x-opencode-key": KEY,
      ...headers,
    },
  });
  sent.end(body);
  const [answer] = (await once(sent, "response")) as [IncomingMessage];
  let text = "";
  for await (const part of answer) text += part;
  return { status: answer.statusCode, headers: answer.headers, raw: answer.rawHeaders, text };
}

const showRequest: RequestListener = (asked, response) => {
  let length = 0;
  asked.on("data", (part: Buffer) => {
    length += part.length;
  });
  asked.on("end", () =>
    response.end(JSON.stringify({ url: asked.url, method: asked.method, headers: asked.headers, length })),
  );
};

it("says what goes on in the project to whoever asks without the gateway's key, and that a port was used", async () => {
  const activity = async () => {
    const answer = await fetch(`http://127.0.0.1:${port}/activity`);
    return (await answer.json()) as { since: number; ports: number | null };
  };
  const before = await activity();
  expect(before.since).toBeGreaterThan(0);
  const target = await serve(showRequest);
  // The program's own path of that name stays the program's.
  expect(JSON.parse((await ask(target, { path: "/activity" })).text).url).toBe("/activity");
  await expect
    .poll(async () => (await activity()).ports)
    .toBeGreaterThanOrEqual(before.ports ?? before.since);
  expect((await fetch(`http://127.0.0.1:${port}/`)).status).toBe(404);
});

it("counts no page that waits for a program to listen", async () => {
  const { ports } = (await (await fetch(`http://127.0.0.1:${port}/activity`)).json()) as { ports: number };
  const target = await serve(showRequest);
  program?.close();
  program = undefined;
  expect((await ask(target)).status).toBe(502);
  const after = (await (await fetch(`http://127.0.0.1:${port}/activity`)).json()) as { ports: number };
  expect(after.ports).toBe(ports);
});

it("lets a program see a request for localhost, from a page of localhost", async () => {
  const target = await serve(showRequest);
  const headers = {
    origin: PUBLIC,
    referer: `${PUBLIC}/cart?id=1`,
    authorization: "Bearer own",
    cookie: "a=1",
  };
  const { text } = await ask(target, { path: "/api?x=%20y", headers });
  expect(JSON.parse(text)).toEqual({
    url: "/api?x=%20y",
    method: "GET",
    length: 0,
    headers: {
      host: `localhost:${target}`,
      origin: `http://localhost:${target}`,
      referer: `http://localhost:${target}/cart?id=1`,
      authorization: "Bearer own",
      cookie: "a=1",
      connection: "close",
    },
  });
  const foreign = { origin: `${PUBLIC}.evil.example`, referer: "https://elsewhere.example/" };
  expect(JSON.parse((await ask(target, { headers: foreign })).text).headers).toMatchObject(foreign);
});

it("keeps redirects on the page's hostname", async () => {
  let location = "";
  const target = await serve((_asked, response) => response.writeHead(302, { location }).end());
  const redirect = async (to: string) => {
    location = to;
    return (await ask(target)).headers.location;
  };
  expect(await redirect(`http://localhost:${target}/login?next=/`)).toBe("/login?next=/");
  expect(await redirect(`https://127.0.0.1:${target}`)).toBe("/");
  expect(await redirect(`http://localhost:${target}?a`)).toBe("/?a");
  expect(await redirect("/relative")).toBe("/relative");
  expect(await redirect(`http://localhost:${target}0/other`)).toBe(`http://localhost:${target}0/other`);
  expect(await redirect("https://accounts.example/")).toBe("https://accounts.example/");
});

it("passes on repeated headers, statuses and answers without a body", async () => {
  const target = await serve((_asked, response) =>
    response.writeHead(418, ["Set-Cookie", "a=1", "Set-Cookie", "b=2", "X-Own", "yes"]).end("short"),
  );
  const answer = await ask(target);
  expect(answer).toMatchObject({ status: 418, text: "short" });
  expect(answer.headers["set-cookie"]).toEqual(["a=1", "b=2"]);
  expect((await ask(target, { method: "HEAD" })).text).toBe("");
});

it.each(["POST", "DELETE"])("passes on an upload by %s, with and without its length", async (method) => {
  const target = await serve(showRequest);
  const body = Buffer.alloc(3_000_000, "x");
  for (const [name, value] of [
    ["content-length", String(body.length)],
    ["transfer-encoding", "chunked"],
  ] as const) {
    const headers = { [name]: value };
    expect(JSON.parse((await ask(target, { method, body, headers })).text).length).toBe(body.length);
  }
});

it("reaches a program on IPv6's loopback", async () => {
  const target = await serve((_asked, response) => response.end("six"), "::1");
  expect((await ask(target)).text).toBe("six");
});

it("passes an event stream on as it comes", async () => {
  let finish = () => {};
  const target = await serve((_asked, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write("data: one\n\n");
    finish = () => response.end("data: two\n\n");
  });
  const sent = request({ port, headers: { "x-opencode-port": String(target), "x-opencode-key": KEY } }).end();
  const [answer] = (await once(sent, "response")) as [IncomingMessage];
  const [first] = await once(answer, "data");
  expect(String(first)).toBe("data: one\n\n");
  finish();
  const [second] = await once(answer, "data");
  expect(String(second)).toBe("data: two\n\n");
});

it("passes a WebSocket on, with the origin that the program expects", async () => {
  const target = await serve(() => {});
  let seen: IncomingMessage | undefined;
  program?.on("upgrade", (asked: IncomingMessage, socket, head) => {
    seen = asked;
    socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
    socket.write(head);
    socket.pipe(socket);
  });
  const socket = connect(port, "127.0.0.1");
  socket.write(
    [
      "GET /hmr?token=1 HTTP/1.1",
      "Host: shop-3000-code.example.com",
      "Connection: Upgrade",
      "Upgrade: websocket",
      `Origin: ${PUBLIC}`,
      `X-Opencode-Port: ${target}`,
      `X-Opencode-Origin: ${PUBLIC}`,
      `X-Opencode-Key: ${KEY}`,
      "\r\nhello",
    ].join("\r\n"),
  );
  let text = "";
  socket.on("data", (part) => {
    text += part;
  });
  const until = (end: string) =>
    waitFor(end, () => (text.endsWith(end) ? { done: undefined } : { seen: text }), { every: 20 });
  await until("hello");
  socket.write("hello back");
  await until("hello back");
  expect(text).toContain("101 Switching Protocols");
  expect(seen?.headers).toMatchObject({
    host: `localhost:${target}`,
    origin: `http://localhost:${target}`,
    connection: "Upgrade",
    upgrade: "websocket",
  });
  expect(seen?.headers).not.toHaveProperty("x-opencode-port");
  socket.destroy();
});

it("says that nothing listens, on a page that looks again", async () => {
  const target = await freePort();
  const page = await ask(target, { headers: { accept: "text/html" } });
  expect(page).toMatchObject({
    status: 502,
    headers: { "x-opencode-state": "not-listening", "retry-after": "2" },
  });
  expect(page.text).toContain('http-equiv="refresh"');
  expect(page.text).toContain(`Nothing listens on port ${target}`);
  const call = await ask(target, { method: "POST", body: "x".repeat(100_000) });
  expect(call).toMatchObject({ status: 502, text: `Nothing listens on port ${target}.\n` });
});

it("says that a program closed the connection", async () => {
  const target = await serve((_asked, response) => response.destroy());
  expect((await ask(target)).text).toBe(`Port ${target} did not answer.\n`);
});

it("is a way for the gateway alone", async () => {
  const target = await serve(showRequest);
  for (const key of ["", "00", KEY.replace(/^./, (digit) => (digit === "0" ? "1" : "0")), PASSWORD])
    expect((await ask(target, { headers: { "x-opencode-key": key } })).status).toBe(404);
  expect((await ask(target)).status).toBe(200);
});

it("is no way to itself, or to no port", async () => {
  for (const target of [port, 0, 70_000, Number.NaN]) expect((await ask(target)).status).toBe(404);
});
