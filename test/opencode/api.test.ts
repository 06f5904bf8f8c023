import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { join, relative, resolve } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { WORKSPACE_PATH } from "../../components/proxy/routes.ts";
import { localUrls, publicUrls } from "../../config/naming/urls.ts";
import { OPENCODE } from "../../config/versions.ts";
import { untilHealthy } from "../../lab/bench/lib/http.ts";
import {
  apiFor,
  type Call,
  isOlder,
  majorOf,
  projectApi,
  terminalCommand,
  UnexpectedAnswer,
  unsupportedHealth,
} from "../../opencode/api/index.ts";
import { isHealthy } from "../../operate/docker/ready.ts";

const root = resolve(import.meta.dirname, "../..");
const rootfs = join(root, "opencode/rootfs/usr/local/lib/opencode-platform");
const script = (name: string) => readFileSync(join(rootfs, name), "utf8");

const PAGE = "<!doctype html><html><body>opencode</body></html>";
const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

/** A server on loopback; returns its port. */
async function serve(handler: RequestListener): Promise<number> {
  const server = createServer(handler).listen(0, "127.0.0.1");
  await once(server, "listening");
  closing.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

/** Like opencode 1.18. */
const first: RequestListener = ({ url, method }, response) => {
  const json = (value: unknown) =>
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(value));
  if (url === "/global/health") return json({ healthy: true, version: "1.18.33" });
  if (method === "POST" && url === "/session") return json({ id: "ses_1", title: "", time: { created: 3 } });
  if (url?.startsWith("/session?")) return json([{ id: "ses_1", time: { created: 3, updated: 7 } }]);
  if (method === "POST" && url?.startsWith("/instance/dispose")) return json(true);
  response.writeHead(200, { "content-type": "text/html;charset=UTF-8" }).end(PAGE);
};

/** Like opencode 2.3: its API is below /api, and any other GET is the page. */
const second: RequestListener = ({ url, method }, response) => {
  if (url === "/api/info")
    response
      .writeHead(200, { "content-type": "application/json" })
      .end('{"version":"2.3.2","pid":1,"urls":[],"paths":{}}');
  else if (method === "GET") response.writeHead(200, { "content-type": "text/html" }).end(PAGE);
  else response.writeHead(404).end();
};

async function make<Result>(port: number, { method, path, body, read }: Call<Result>): Promise<Result> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const contentType = response.headers.get("content-type") ?? undefined;
  return read({ status: response.status, contentType, body: await response.text() });
}

describe("health", () => {
  it("is the release of a server of this major", async () => {
    const port = await serve(first);
    expect(await make(port, projectApi.health)).toEqual({ version: "1.18.33" });
    expect(await isHealthy(`http://127.0.0.1:${port}`)).toBe(true);
    await untilHealthy(async () => ({ host: "127.0.0.1", port, path: "/", headers: {} }), 5000);
  });

  it("is not read from the page that a 2.x server sends with status 200", async () => {
    const port = await serve(second);
    await expect(make(port, projectApi.health)).rejects.toThrow(
      new UnexpectedAnswer("answers HTML, so it is not opencode 1.x"),
    );
    expect(await isHealthy(`http://127.0.0.1:${port}`)).toBe(false);
    const target = { host: "127.0.0.1", port, path: "/", headers: {} };
    await expect(untilHealthy(async () => target, 200)).rejects.toThrow("not healthy");
  });

  it("names the version of an unsupported server", async () => {
    const port = await serve(second);
    const versions = await Promise.allSettled(unsupportedHealth.map((call) => make(port, call)));
    expect(versions).toContainEqual({ status: "fulfilled", value: { version: "2.3.2" } });
    const old = await serve(first);
    const none = await Promise.allSettled(unsupportedHealth.map((call) => make(old, call)));
    expect(none.map(({ status }) => status)).toEqual(unsupportedHealth.map(() => "rejected"));
  });

  it.each([
    ["no JSON", { status: 200, body: "ok" }, "answers no JSON, so it is not opencode 1.x"],
    ["HTML without a type", { status: 200, body: PAGE }, "answers HTML"],
    ["JSON without a version", { status: 200, body: '{"healthy":true}' }, "does not report its health"],
    ["a sick server", { status: 200, body: '{"healthy":false,"version":"1.18.33"}' }, "does not report"],
    ["another major", { status: 200, body: '{"healthy":true,"version":"2.3.2"}' }, "runs opencode 2.3.2"],
    ["a refusal", { status: 401, body: "" }, "answers with status 401"],
    ["null", { status: 200, body: "null" }, "does not report"],
  ])("refuses %s", (_, answer, message) => {
    expect(() => projectApi.health.read(answer)).toThrow(message);
  });
});

describe("calls", () => {
  it("work with a server of this major, and fail with the page of another", async () => {
    const port = await serve(first);
    expect(await make(port, projectApi.sessions(50))).toEqual([{ id: "ses_1", usedAt: 7 }]);
    expect(await make(port, projectApi.createSession())).toEqual({ id: "ses_1", title: "", usedAt: 3 });
    await make(port, projectApi.reload("/workspace"));
    const other = await serve(second);
    await expect(make(other, projectApi.sessions(50))).rejects.toThrow("answers HTML");
    await expect(make(other, projectApi.createSession())).rejects.toThrow("status 404");
    await expect(make(other, projectApi.reload("/workspace"))).rejects.toThrow("status 404");
  });

  it("know an event stream below any prefix", () => {
    for (const path of ["/event", "/global/event", "/p/shop/event?directory=%2Fw"])
      expect(projectApi.isEventStream(path)).toBe(true);
    for (const path of ["/events", "/event/1", "/session"])
      expect(projectApi.isEventStream(path)).toBe(false);
  });

  it("escape values in a path", () => {
    expect(projectApi.terminalPath("a/b")).toBe("/pty/a%2Fb/connect?cursor=0");
    expect(projectApi.reload("/a b").path).toBe("/instance/dispose?directory=%2Fa%20b");
  });
});

describe("a release", () => {
  it("has the API of its major", () => {
    expect(apiFor(OPENCODE)).toBe(projectApi);
    expect(() => apiFor("2.3.2")).toThrow("opencode 2.3.2 is not supported: use 1.x");
    expect(() => apiFor("latest")).toThrow("not supported");
  });

  it("is compared by its numbers", () => {
    expect(majorOf("2.0.14-shuv.1")).toBe(2);
    expect(isOlder("1.9.0", "1.18.0")).toBe(true);
    expect(isOlder("1.18.33", "1.18.33")).toBe(false);
    expect(isOlder("1.18.33-beta", "1.18.33")).toBe(false);
    expect(isOlder("2.0.0", "1.18.33")).toBe(false);
  });
});

describe("the terminal's command", () => {
  it("is opencode's own without Access, and the program with login behind it", () => {
    expect(terminalCommand(localUrls(4080).terminal("shop"))).toBe(
      "opencode attach http://localhost:4080/p/shop",
    );
    const urls = publicUrls({
      domain: "example.com",
      hostnamePattern: "{name}-code",
      panelHostname: "code",
    });
    expect(terminalCommand(urls.terminal("shop"))).toMatch(
      /^opencode-platform https:\/\/shop.*example\.com$/,
    );
  });

  it("passes the password by variables only", () => {
    const { args, environment } = projectApi.terminal;
    expect(args("http://x", ["--continue"])).toEqual(["attach", "http://x", "--continue"]);
    expect(Object.values(environment("secret"))).toEqual(["opencode", "secret"]);
    expect(projectApi.authorization("secret")).toBe("Basic b3BlbmNvZGU6c2VjcmV0");
  });
});

describe("the image", () => {
  it("starts and checks the server with the API's values", () => {
    const { server, health, reload } = projectApi;
    const dockerfile = readFileSync(join(root, "opencode/Dockerfile"), "utf8");
    expect(script("entrypoint")).toContain(`\nexec ${server.command.join(" ")}\n`);
    for (const name of Object.keys(server.environment("")))
      expect(script("entrypoint")).toContain(`${name}=`);
    expect(script("health")).toContain(` http://127.0.0.1:${server.port}${health.path} `);
    const path = reload(WORKSPACE_PATH).path.replace(encodeURIComponent(WORKSPACE_PATH), "$workspace");
    expect(script("workspace")).toContain(`-X POST "http://127.0.0.1:${server.port}${path}"`);
    expect(dockerfile).toContain(`\nEXPOSE ${server.port}\n`);
    expect(dockerfile).toContain(`${server.configVariable}=`);
  });
});

/** Paths of opencode's HTTP API and flags of its programs. */
const PATHS = [
  /["'`}]\/session(?![\w-])/,
  /\/(?:global\/)?event["'`?]/,
  /\/global\/(?:health|event)/,
  /\/pty(?![\w-])/,
  /\/instance\/dispose/,
  /\/prompt_async/,
  /\/file\/content/,
  /\?directory=/,
  /opencode (?:attach|serve)\b/,
];

/** Files that may contain them, and why. */
const MAY_KNOW = [
  "opencode/api/",
  "opencode/rootfs/",
  // The test itself.
  "test/opencode/api.test.ts",
  // Text of a page in a browser, in the API's form.
  "test/support/panel/fake-api.ts",
  "test/panel/api/routes.test.ts",
  "test/suites/panel/page-fake.test.ts",
];

const ROOMS = [
  "attach",
  "components",
  "config",
  "lab",
  "opencode",
  "operate",
  "panel",
  "scripts",
  "test",
  "toolchain",
];

describe("opencode's paths and flags", () => {
  const lines = ROOMS.flatMap((room) =>
    readdirSync(join(root, room), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && /\.(?:ts|mjs|sh)$/.test(entry.name))
      .map(({ parentPath, name }) => relative(root, join(parentPath, name))),
  )
    .filter((file) => !/(^|\/)(node_modules|dist)\//.test(file))
    .filter((file) => !MAY_KNOW.some((known) => file.startsWith(known)))
    .flatMap((file) =>
      readFileSync(join(root, file), "utf8")
        .split("\n")
        .map((text, index) => ({ at: `${file}:${index + 1}`, text })),
    )
    .filter(({ text }) => !/^\s*(?:\/\/|\/?\*)/.test(text) && !/\bfrom "|import\("/.test(text));

  it("are only in opencode/api and the image", () => {
    expect(lines.length).toBeGreaterThan(10_000);
    const found = lines.filter(({ text }) => PATHS.some((path) => path.test(text)));
    expect(found.map(({ at, text }) => `${at}: ${text.trim()}`)).toEqual([]);
  });

  it("are found in those files", () => {
    const inTemplate = ["/session`)", "/global/health`", "/pty/"].map((path) => `fetch(\`\${api}${path}`);
    for (const text of [...inTemplate, 'path: "/event"', '"/pty"', '"/instance/dispose?directory=x"'])
      expect(
        PATHS.some((path) => path.test(text)),
        text,
      ).toBe(true);
  });
});
