import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { join, relative, resolve } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { WORKSPACE_PATH } from "../../components/proxy/routes.ts";
import { localUrls, publicUrls } from "../../config/naming/urls.ts";
import { reservedVariableReason } from "../../config/projects/reserved.ts";
import { OPENCODE, OPENCODE_2 } from "../../config/versions.ts";
import { untilHealthy } from "../../lab/bench/lib/http.ts";
import {
  apiFor,
  type Call,
  isOlder,
  MAJORS,
  majorOf,
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

const json = (response: Parameters<RequestListener>[1], value: unknown) =>
  response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(value));
const page = (response: Parameters<RequestListener>[1]) =>
  response.writeHead(200, { "content-type": "text/html;charset=UTF-8" }).end(PAGE);

/** Like opencode 1.18. */
const first: RequestListener = ({ url, method }, response) => {
  if (url === "/global/health") return json(response, { healthy: true, version: "1.18.33" });
  if (method === "POST" && url === "/session")
    return json(response, { id: "ses_1", title: "", time: { created: 3 } });
  if (url?.startsWith("/session?"))
    return json(response, [{ id: "ses_1", time: { created: 3, updated: 7 } }]);
  if (url === "/session/status") return json(response, { ses_1: { type: "busy" }, ses_2: { type: "idle" } });
  if (url === "/file?path=src")
    return json(response, [{ name: "main.ts", path: "src/main.ts", type: "file" }]);
  if (url === "/config") return json(response, { share: "disabled" });
  if (url === "/path") return json(response, { directory: "/workspace" });
  if (url === "/file/content?path=a%2Fb.txt") return json(response, { type: "text", content: "hello" });
  if (method === "POST" && url === "/pty") return json(response, { id: "pty_1" });
  if (method === "POST" && url?.startsWith("/instance/dispose")) return json(response, true);
  return page(response);
};

/** Like opencode 2.0.14: its API is below /api, and any other GET is the page. */
const second: RequestListener = ({ url, method }, response) => {
  const time = { created: 3, updated: 7 };
  if (url === "/api/info") return json(response, { version: "2.0.14", pid: 1, urls: [], paths: {} });
  if (method === "POST" && url === "/api/session")
    return json(response, { data: { id: "ses_1", title: "", time: { created: 3 } } });
  if (url?.startsWith("/api/session?")) return json(response, { data: [{ id: "ses_1", time }], cursor: {} });
  if (url === "/api/session/active") return json(response, { data: { ses_1: { type: "running" } } });
  if (url === "/api/fs/list?path=src")
    return json(response, { data: [{ path: "src/main.ts", type: "file" }] });
  if (url === "/api/config")
    return json(response, [
      { type: "document", info: { share: "auto", model: "a/b" } },
      { type: "directory", path: "/workspace/.opencode" },
      { type: "document", info: { share: "disabled" } },
    ]);
  if (url === "/api/location") return json(response, { directory: "/workspace", project: {} });
  if (url === "/api/fs/read/a/b.txt") return response.end("hello");
  if (method === "POST" && url === "/api/pty") return json(response, { data: { id: "pty_1" } });
  if (method === "POST" && url === "/api/location/reload") return response.writeHead(204).end();
  if (method === "GET") return page(response);
  return response.writeHead(404).end();
};

const SERVERS = [
  { version: OPENCODE, api: apiFor(OPENCODE), server: first, other: second },
  { version: "2.0.14", api: apiFor(OPENCODE_2), server: second, other: first },
];

async function make<Result>(port: number, { method, path, body, read }: Call<Result>): Promise<Result> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const contentType = response.headers.get("content-type") ?? undefined;
  return read({ status: response.status, contentType, body: await response.text() });
}

describe.each(SERVERS)("the API of opencode $version", ({ version, api, server, other }) => {
  it("reads the release of a healthy server of its major", async () => {
    const port = await serve(server);
    expect(await make(port, api.health)).toEqual({ version });
    expect(await isHealthy(`http://127.0.0.1:${port}`, version)).toBe(true);
  });

  it("takes no server of the other major for healthy, nor one that answers HTML everywhere", async () => {
    for (const wrong of [other, ((_, response) => page(response)) as RequestListener]) {
      const port = await serve(wrong);
      await expect(make(port, api.health)).rejects.toThrow(
        new UnexpectedAnswer(`answers HTML, so it is not opencode ${api.major}.x`),
      );
      expect(await isHealthy(`http://127.0.0.1:${port}`, version)).toBe(false);
    }
  });

  it("calls a server of its major", async () => {
    const port = await serve(server);
    expect(await make(port, api.sessions(50))).toEqual([{ id: "ses_1", usedAt: 7 }]);
    expect(await make(port, api.createSession())).toEqual({ id: "ses_1", title: "", usedAt: 3 });
    expect(await make(port, api.busy)).toEqual(["ses_1"]);
    expect(await make(port, api.directory)).toBe("/workspace");
    expect(await make(port, api.listFiles("src"))).toEqual(["main.ts"]);
    expect(await make(port, api.settings)).toMatchObject({ share: "disabled" });
    expect(await make(port, api.readFile("a/b.txt"))).toBe("hello");
    expect(await make(port, api.createTerminal("bash"))).toBe("pty_1");
    await make(port, api.reload("/workspace"));
  });

  it("names what is wrong with a server of the other major", async () => {
    const port = await serve(other);
    for (const call of [api.sessions(50), api.busy, api.directory])
      await expect(make<unknown>(port, call)).rejects.toThrow("answers HTML");
    for (const call of [api.createSession(), api.reload("/workspace"), api.createTerminal("bash")])
      await expect(make<unknown>(port, call)).rejects.toThrow(/answers (HTML|with status 404)/);
  });

  it("knows an event stream below any prefix", () => {
    expect(api.isEventStream(api.eventsPath)).toBe(true);
    expect(api.isEventStream(`/p/shop${api.eventsPath}?directory=%2Fw`)).toBe(true);
    for (const path of ["/events", "/event/1", "/session"]) expect(api.isEventStream(path)).toBe(false);
  });

  it("escapes values in a path", () => {
    expect(api.terminalPath("a/b")).toContain("/pty/a%2Fb/connect?cursor=0");
    expect(api.readFile("a b?c").path).toContain("a%20b%3Fc");
  });

  it("passes the password by variables only, which are reserved", () => {
    const { server, terminal, authorization } = api;
    expect(terminal.args("http://x", [], "ses_1").join(" ")).not.toContain("secret");
    expect(Object.values(server.environment("secret"))).toContain("secret");
    expect(Object.values(terminal.environment("secret"))).toContain("secret");
    expect(authorization("secret")).toBe("Basic b3BlbmNvZGU6c2VjcmV0");
    for (const name of [...Object.keys(server.environment("")), server.configVariable, ...server.variables])
      expect(reservedVariableReason(name), name).toBeDefined();
  });
});

describe("health", () => {
  it("waits in a benchmark for a server of the default major", async () => {
    const target = (port: number) => async () => ({ host: "127.0.0.1", port, path: "/", headers: {} });
    await untilHealthy(target(await serve(first)), 5000);
    await expect(untilHealthy(target(await serve(second)), 200)).rejects.toThrow("not healthy");
  });

  it("names the version of an unsupported server", async () => {
    const port = await serve(second);
    const versions = await Promise.allSettled(unsupportedHealth.map((call) => make(port, call)));
    expect(versions).toContainEqual({ status: "fulfilled", value: { version: "2.0.14" } });
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
  ])("of 1.x refuses %s", (_, answer, message) => {
    expect(() => apiFor(OPENCODE).health.read(answer)).toThrow(message);
  });

  it.each([
    ["JSON without a version", { status: 200, body: '{"pid":1}' }, "does not report its version"],
    ["another major", { status: 200, body: '{"version":"3.0.0"}' }, "runs opencode 3.0.0, not opencode 2.x"],
    ["a server that is starting", { status: 503, body: "" }, "answers with status 503"],
  ])("of 2.x refuses %s", (_, answer, message) => {
    expect(() => apiFor(OPENCODE_2).health.read(answer)).toThrow(message);
  });
});

describe("the migration of 2.x", () => {
  const read = (value: unknown) =>
    apiFor(OPENCODE_2).migration?.read({ status: 200, body: JSON.stringify(value) });

  it.each([
    [{ status: "completed" }, { state: "done" }],
    [{ status: "required" }, { state: "running" }],
    [
      { status: "running", progress: { label: "sessions", numerator: 412, denominator: 1300 } },
      { state: "running", done: 412, total: 1300 },
    ],
    [
      { status: "error", error: "disk is full" },
      { state: "failed", reason: "disk is full" },
    ],
  ])("%j is %j", (answer, migration) => {
    expect(read(answer)).toEqual(migration);
  });

  it("refuses another answer", () => {
    expect(() => read({ status: "?" })).toThrow(UnexpectedAnswer);
  });
});

describe("a release", () => {
  it("has the API of its major", () => {
    expect(apiFor(OPENCODE).major).toBe(1);
    expect(apiFor(OPENCODE_2).major).toBe(2);
    expect(() => apiFor("3.0.0")).toThrow("opencode 3.0.0 is not supported: use 1.x or 2.x");
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
  it("is opencode's own without Access where that works in any directory", () => {
    const target = localUrls({ port: 4080, localDomain: "localhost" }).terminal("shop");
    expect(terminalCommand(target, OPENCODE, "/srv/platform")).toBe(
      "opencode attach http://localhost:4080/p/shop",
    );
    expect(terminalCommand(target, OPENCODE_2, "/srv/platform")).toBe(
      "npx --yes /srv/platform http://localhost:4080/p/shop",
    );
    expect(terminalCommand(target, OPENCODE_2, "/a b")).toContain('npx --yes "/a b" ');
  });

  it("is the program with login behind Access", () => {
    const settings = { domain: "example.com", hostnamePattern: "{name}-code", panelHostname: "code" };
    for (const version of [OPENCODE, OPENCODE_2])
      expect(terminalCommand(publicUrls(settings).terminal("shop"), version, "/srv/platform")).toMatch(
        /^opencode-platform https:\/\/shop.*example\.com$/,
      );
  });

  it("has the person's own arguments, and the session where one is needed", () => {
    expect(apiFor(OPENCODE).terminal.args("http://x", ["--continue"])).toEqual([
      "attach",
      "http://x",
      "--continue",
    ]);
    expect(apiFor(OPENCODE_2).terminal.args("http://x", ["--pure"], "ses_1")).toEqual([
      "--server",
      "http://x",
      "--session",
      "ses_1",
      "--pure",
    ]);
  });
});

describe("the image", () => {
  const dockerfile = readFileSync(join(root, "opencode/Dockerfile"), "utf8");

  it.each(MAJORS)("starts and checks a server of $major.x with the API's values", (api) => {
    const { server, health, reload, migration, enforcedBy } = api;
    const text = script(`v${api.major}`);
    expect(text).toContain(`\n  exec /usr/local/bin/${server.command.join(" ")}\n`);
    for (const name of Object.keys(server.environment(""))) expect(text).toContain(`${name}=`);
    expect(text).toContain(`\nhealth_path=${health.path}\n`);
    const path = reload(WORKSPACE_PATH).path.replace(encodeURIComponent(WORKSPACE_PATH), WORKSPACE_PATH);
    expect(text.replaceAll('"', "")).toContain(`\nreload_path=${path}\n`);
    if (migration) expect(text).toContain(`ask ${migration.path})`);
    if ("variable" in enforcedBy) expect(text).toContain(`export OPENCODE_PASSWORD ${enforcedBy.variable}\n`);
    else expect(enforcedBy.file).toBe("/etc/opencode/opencode.json");
    for (const file of server.database) expect(file).toMatch(/^\.local\/share\/opencode\/opencode\.db/);
    expect(script("server")).toContain(`"http://127.0.0.1:${server.port}$path"`);
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
  /["'`}]\/api\/(?:session|pty|event|info|location|fs)\b/,
  /\/file\/content/,
  /\?directory=/,
  /opencode (?:attach|serve)\b/,
];

/** Files that may contain them, and why. */
const MAY_KNOW = [
  "opencode/api/",
  "opencode/rootfs/",
  // This test, and those of the image's programs, which speak with a server of the test's.
  "test/opencode/",
  "test/support/opencode/",
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
