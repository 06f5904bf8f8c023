/** Where a log-in whose redirect goes to localhost is finished, by the image's relay as it is: what it passes on, to whom, and what it says. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { routeFile } from "../../components/proxy/routes.ts";
import { LOGIN_PATH, localUrls, PORTS_PATH } from "../../config/naming/urls.ts";
import { OPENCODE } from "../../config/versions.ts";
import { freePort } from "../support/free-port.ts";
import { copyFromImage, RELAY_FILES } from "../support/opencode/image-files.ts";
import { waitFor } from "../support/wait.ts";

const PASSWORD = "of the project's server";
const { http } = JSON.parse(
  routeFile({
    name: "shop",
    urls: localUrls({ port: 4080, localDomain: "localhost" }),
    state: "running",
    version: OPENCODE,
    password: PASSWORD,
  }),
);
/** What the gateway adds. */
const GATEWAY: Record<string, string> = Object.fromEntries(
  Object.entries(http.middlewares.shop_own.headers.customRequestHeaders as Record<string, string>).filter(
    ([, value]) => value !== "",
  ),
);
const CODE = "canary-of-a-code";

const folder = mkdtempSync(join(tmpdir(), "login-"));
/** Of MCP servers; the real one may be in use here. */
let known: number;
let base: string;
let relay: ChildProcess;
let printed = "";
let listener: Server | undefined;
const asked: string[] = [];

/** Makes the tests' own process, or another program, be opencode. */
function opencodeIs(program: string): void {
  rmSync(join(folder, "opencode"), { force: true });
  symlinkSync(program, join(folder, "opencode"));
}
const serve = (isServing: boolean) =>
  isServing ? writeFileSync(join(folder, "serving"), "") : rmSync(join(folder, "serving"), { force: true });

beforeAll(async () => {
  known = await freePort();
  const port = await freePort();
  base = `http://127.0.0.1:${port}`;
  writeFileSync(join(folder, "password"), PASSWORD);
  copyFromImage(folder, RELAY_FILES, [
    ["const PORT = 4097;", `const PORT = ${port};`],
    ["[4096, 4097]", `[4096, ${port}]`],
    ["  19876: ", `  ${known}: `],
    ["/run/opencode/password", join(folder, "password")],
    ["/tmp/opencode-platform/serving", join(folder, "serving")],
    ["/usr/local/bin/opencode", join(folder, "opencode")],
  ]);
  opencodeIs("/bin/sh");
  serve(true);
  relay = spawn(process.execPath, [join(folder, "relay.mjs")], { stdio: ["ignore", "pipe", "pipe"] });
  for (const stream of [relay.stdout, relay.stderr])
    stream?.on("data", (part: Buffer) => {
      printed += part.toString();
    });
  await waitFor("the relay", () =>
    fetch(base).then(
      () => ({ done: true }) as const,
      (error: Error) => ({ seen: error.message }),
    ),
  );
});
afterEach(async () => {
  listener?.closeAllConnections();
  await new Promise((resolve) => (listener ? listener.close(resolve) : resolve(undefined)));
  listener = undefined;
  asked.length = 0;
  opencodeIs("/bin/sh");
  serve(true);
});
afterAll(() => {
  relay.kill();
  rmSync(folder, { recursive: true });
});

/** What waits for a log-in. */
async function wait(answer: RequestListener, port = known): Promise<number> {
  listener = createServer((request, response) => {
    asked.push(`${request.method} ${request.headers.host} ${request.url}`);
    answer(request, response);
  }).listen(port, "127.0.0.1");
  await once(listener, "listening");
  return (listener.address() as AddressInfo).port;
}
const html =
  (status: number, body: string): RequestListener =>
  (_, response) =>
    response.writeHead(status, { "content-type": "text/html; charset=utf-8" }).end(body);

const answerOf = (query: string, { port = known, host = "127.0.0.1", path = "/mcp/oauth/callback" } = {}) =>
  `http://${host}:${port}${path}?${query}`;
const YES = `code=${CODE}&state=abc`;

async function paste(address: string, headers: Record<string, string> = { accept: "text/html" }) {
  const answer = await fetch(base + LOGIN_PATH, {
    method: "POST",
    headers: { ...GATEWAY, ...headers },
    body: new URLSearchParams({ address }),
    redirect: "manual",
  });
  return { status: answer.status, headers: answer.headers, text: await answer.text() };
}

describe("the page", () => {
  it("has a form with one field that sends its body to itself, and takes nothing from elsewhere", async () => {
    const answer = await fetch(base + LOGIN_PATH, { headers: { ...GATEWAY, accept: "text/html" } });
    const text = await answer.text();
    expect(answer.status).toBe(200);
    expect(text).toContain(`<form method="post" action="${LOGIN_PATH}">`);
    expect(text.match(/<(input|textarea|select)/g)).toHaveLength(1);
    expect(text).toContain("Paste the address that your browser could not open");
    expect(text).not.toMatch(/<script|src=|@import|url\(/);
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      "cache-control": "no-store",
      "content-security-policy":
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
      "x-content-type-options": "nosniff",
      // With no-referrer the form would be sent with `Origin: null`, which the gateway refuses.
      "referrer-policy": "same-origin",
    });
  });

  it("is the gateway's alone, at its own path", async () => {
    const statusOf = async (path: string, headers: Record<string, string>) =>
      (await fetch(base + path, { headers })).status;
    const { "X-Opencode-Key": _, ...without } = GATEWAY;
    expect(await statusOf(LOGIN_PATH, without)).toBe(404);
    expect(await statusOf(PORTS_PATH, without)).toBe(404);
    expect(await statusOf("/_platform/other", GATEWAY)).toBe(404);
    expect(await statusOf("/", GATEWAY)).toBe(404);
    expect((await fetch(base + LOGIN_PATH, { method: "PUT", headers: GATEWAY })).status).toBe(404);
  });

  it("offers and does nothing before opencode is started, as long as its repository is asked about", async () => {
    await wait(html(200, "taken"));
    serve(false);
    const page = await fetch(base + LOGIN_PATH, { headers: { ...GATEWAY, accept: "text/html" } });
    expect([page.status, await page.text()]).toEqual([409, expect.not.stringContaining("<form")]);
    const { status, text } = await paste(answerOf(YES));
    expect([status, asked]).toEqual([409, []]);
    expect(text).toContain("opencode has not been started");
  });
});

describe("an address that is pasted", () => {
  it.each(["127.0.0.1", "localhost", "[::1]"])(
    "with %s is asked of what waits, without what no log-in has",
    async (host) => {
      await wait(html(200, "<head><title>x</title></head><h1>Authorization successful</h1>"));
      const more = "&iss=https%3A%2F%2Fa.example&admin=1#x";
      const { status, text } = await paste(`  ${answerOf(`${YES}${more}`, { host })}\n`);
      expect(status).toBe(200);
      expect(asked).toEqual([
        `GET localhost:${known} /mcp/oauth/callback?code=${CODE}&state=abc&iss=https%3A%2F%2Fa.example`,
      ]);
      expect(text).toContain("The log-in has been passed to opencode");
      expect(text).toContain('<p role="status">Authorization successful</p>');
    },
  );

  it("shows the listener's own error as text, whatever markup it has", async () => {
    const script = "<script>alert(1)</script><style>p{}</style>";
    await wait(html(400, `${script}<h1>Failed</h1><p>Invalid &lt;state&gt;<img src=x>\u202e</p>`));
    const { status, text } = await paste(answerOf(YES));
    expect(status).toBe(502);
    expect(text).toContain('<p role="status">Failed Invalid &#60;state&#62;</p>');
    expect(text).not.toMatch(/alert|<img|<script|\u202e/);
    // For another try.
    expect(text).toContain("<form");
  });

  it("tells opencode that the provider refused", async () => {
    await wait(html(200, "<p>The person said no</p>"));
    const query = "error=access_denied&error_description=The+person+said+no&state=abc";
    const { status, text } = await paste(answerOf(query), { accept: "text/plain" });
    expect([status, text]).toEqual([200, "opencode knows that the provider refused. The person said no\n"]);
    expect(asked).toEqual([expect.stringContaining("error=access_denied")]);
  });

  it("leads to no other page, and sets nothing", async () => {
    await wait((_, response) =>
      response.writeHead(302, { location: "http://evil.example/", "set-cookie": "a=1", refresh: "0" }).end(),
    );
    const { status, headers } = await paste(answerOf(YES));
    expect(status).toBe(200);
    for (const name of ["location", "set-cookie", "refresh"]) expect(headers.has(name)).toBe(false);
  });

  it("finds nothing waiting, and says what to do", async () => {
    const { status, text } = await paste(answerOf(YES), { accept: "text/plain" });
    expect(status).toBe(409);
    expect(text).toMatch(/^No log-in is waiting\. Start it in opencode first, then paste the address\./);
  });

  it.each([
    ["nothing", ""],
    ["no address", "code and state"],
    ["another scheme", `ftp://localhost:1455/auth/callback?${YES}`],
    ["another host", `http://10.0.0.1:1455/auth/callback?${YES}`],
    ["a hostname that begins alike", `http://localhost.evil.example:1455/auth/callback?${YES}`],
    ["credentials", `http://me:pw@localhost:1455/auth/callback?${YES}`],
    ["no port", `http://localhost/auth/callback?${YES}`],
    ["no state", "http://localhost:1455/auth/callback?code=1"],
    ["no code", "http://localhost:1455/auth/callback?state=1"],
    ["a code and an error", `http://localhost:1455/auth/callback?${YES}&error=x`],
    ["two codes", `http://localhost:1455/auth/callback?${YES}&code=2`],
    ["a token behind the #", "http://localhost:1456/auth/callback#access_token=1&state=2"],
    ["what is too long", `http://localhost:1455/auth/callback?${YES}&code=${"x".repeat(20_000)}`],
  ])("is refused with %s", async (_, address) => {
    expect((await paste(address)).status).toBe(400);
  });

  it("is taken from a form alone", async () => {
    await wait(html(200, "taken"));
    const headers = { ...GATEWAY, "content-type": "text/plain" };
    const body = `address=${encodeURIComponent(answerOf(YES))}`;
    expect((await fetch(base + LOGIN_PATH, { method: "POST", headers, body })).status).toBe(400);
    expect(asked).toEqual([]);
  });

  it("reaches no other path of a port that log-ins wait on", async () => {
    await wait(html(200, "taken"));
    for (const path of ["/cancel", "/", "/mcp/oauth/callback/", "//mcp/oauth/callback"])
      expect((await paste(answerOf(YES, { path }))).status).toBe(403);
    expect(asked).toEqual([]);
  });

  it("reaches another port if opencode itself listens there, and no other program", async () => {
    const port = await wait(html(200, "taken"), 0);
    for (const path of ["/callback", "/mcp/oauth/callback", "/"]) {
      const { status, text } = await paste(answerOf(YES, { port, path }));
      expect([status, text]).toEqual([403, expect.stringContaining(`No log-in waits on port ${port}`)]);
    }
    expect(asked).toEqual([]);
    opencodeIs(process.execPath);
    for (const path of ["/callback", "/mcp/oauth/callback", "/"])
      expect((await paste(answerOf(YES, { port, path }))).status).toBe(200);
    // Poe's has no state.
    expect((await paste(answerOf(`code=${CODE}`, { port, path: "/callback" }))).status).toBe(200);
    expect((await paste(answerOf(YES, { port, path: "/other" }))).status).toBe(403);
    expect(asked).toHaveLength(4);
  });

  it("never reaches the platform's own ports, though opencode listens there", async () => {
    opencodeIs(process.execPath);
    const port = Number(new URL(base).port);
    expect((await paste(answerOf(YES, { port, path: "/callback" }))).status).toBe(403);
  });

  it("leaves its code in no answer and no log", async () => {
    await wait(html(400, "no"));
    const texts = [
      await paste(answerOf(YES)),
      await paste(`${answerOf(YES)}&code=2`),
      await paste(`http://localhost:1/x?${YES}`),
    ].map(({ text, headers }) => text + JSON.stringify([...headers]));
    expect(texts.join()).not.toContain(CODE);
    expect(printed).not.toContain(CODE);
  });
});

it("says on which of the project's ports something listens, and asks none", async () => {
  const port = await wait(html(200, ""), 0);
  const ports = { "X-Opencode-Ports": `admin=${port},3000=${await freePort()}` };
  const answer = await fetch(base + PORTS_PATH, { headers: { ...GATEWAY, ...ports } });
  expect([answer.headers.get("cache-control"), await answer.json()]).toEqual([
    "no-store",
    { ports: { admin: true, "3000": false } },
  ]);
  expect(await (await fetch(base + PORTS_PATH, { headers: GATEWAY })).json()).toEqual({ ports: {} });
  expect(asked).toEqual([]);
});
