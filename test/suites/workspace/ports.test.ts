/** What a project's own programs serve, at hostnames of their own: through Traefik, the relay, and in Chromium. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { PORTS_PATH } from "../../../config/naming/urls.ts";
import { launchBrowser, openPage, screenshot } from "../../support/browser.ts";
import { execIn, health, shellIn } from "../../support/docker.ts";
import { ask, open } from "../../support/http.ts";
import { callAt, projectApi } from "../../support/opencode.ts";
import { Platform } from "../../support/platform.ts";
import { answering } from "../../support/ready.ts";
import { VITE, viteModule, writeViteApp } from "../../support/vite-app.ts";
import { waitFor } from "../../support/wait.ts";

const platform = new Platform();
const { port } = platform.fixture;
const NAME = "shop";
const entry = (ports: unknown[]) => ({ name: NAME, ports });

/** A program of the project: it listens on loopback alone, shows what it was asked, and streams. */
const PROGRAM = `
import { createServer } from "node:http";
let streams = [];
createServer((request, response) => {
  if (request.url === "/events") {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write("data: first\\n\\n");
    streams.push(response);
    return;
  }
  if (request.url === "/more") {
    for (const stream of streams.splice(0)) stream.end("data: second\\n\\n");
    return response.end();
  }
  let length = 0;
  request.on("data", (part) => (length += part.length));
  request.on("end", () => {
    response.setHeader("set-cookie", ["own=1; Path=/; Domain=localhost; HttpOnly", "plain=2"]);
    response.setHeader("clear-site-data", '"cookies"');
    response.end(JSON.stringify({ headers: request.headers, length }));
  });
}).listen(3000, "127.0.0.1");
`;

const host = (label: string | number) => `${NAME}-${label}.localhost:${port}`;

/** Runs a program in the project until its container stops. */
async function start(command: string): Promise<void> {
  const { code, stderr } = await execIn(platform.container(NAME), [
    "bash",
    "-c",
    `cd /workspace && (setsid ${command} > /tmp/program.log 2>&1 < /dev/null &)`,
  ]);
  expect(code, stderr).toBe(0);
}

beforeAll(async () => {
  await platform.apply([...platform.baseline(), entry([3000, { port: 5173, name: "vite" }])]);
  await answering(platform, NAME);
});

describe("a project's port", () => {
  it("says that nothing listens, on a page that opens as soon as something does", async () => {
    const browser = await launchBrowser();
    try {
      const { page } = await openPage(browser);
      await page.goto(`http://${host(3000)}/`);
      await page.getByText("Nothing listens on port 3000").waitFor();
      await screenshot(page, "port-waiting");
      writeFileSync(join(platform.workspace(NAME), "program.mjs"), PROGRAM);
      await start("node program.mjs");
      await page.getByText(`"host":"localhost:3000"`).waitFor();
    } finally {
      await browser.close();
    }
  });

  it("is reported by the health check, beside the others that are open", async () => {
    await waitFor("the port in the health line", async () => {
      const { line } = await health(platform.container(NAME));
      return /listening: 3000;/.test(line) ? { done: true } : { seen: line };
    });
    // For lists: `opencode-platform ls`.
    const { body } = await ask({ port, host: `${NAME}.localhost:${port}`, path: PORTS_PATH });
    expect(JSON.parse(body)).toEqual({ ports: { "3000": true, vite: false } });
  });

  it("gives the program its own credentials and cookies, and none of the platform's", async () => {
    const headers = {
      authorization: "Bearer of the program",
      cookie: "a=1; CF_Authorization=secret; b=2; CF_AppSession=secret",
      "cf-access-jwt-assertion": "secret",
      "cf-access-client-secret": "secret",
      "x-opencode-port": "4096",
      "x-opencode-origin": "http://evil.example",
    };
    const answer = await ask({ port, host: host(3000), headers });
    expect(answer.status).toBe(200);
    const seen = JSON.parse(answer.body) as { headers: Record<string, string> };
    expect(seen.headers).toMatchObject({
      authorization: "Bearer of the program",
      cookie: "a=1; b=2",
      host: "localhost:3000",
    });
    expect(answer.body).not.toContain("secret");
    expect(answer.body).not.toContain(readPassword());
  });

  it("keeps the program's cookies to its hostname", async () => {
    const { headers } = await ask({ port, host: host(3000) });
    expect(headers["set-cookie"]).toEqual(["own=1; Path=/; HttpOnly", "plain=2"]);
    expect(headers).not.toHaveProperty("clear-site-data");
    expect(headers["content-security-policy"]).toBe("frame-ancestors 'self'");
    expect(headers["cross-origin-resource-policy"]).toBe("same-origin");
  });

  it("streams events, and takes uploads", async () => {
    const stream = await open({ port, host: host(3000), path: "/events" });
    let text = "";
    stream.setEncoding("utf8").on("data", (part: string) => {
      text += part;
    });
    await waitFor("the first event", () => (text === "data: first\n\n" ? { done: true } : { seen: text }), {
      every: 20,
    });
    await ask({ port, host: host(3000), path: "/more" });
    await waitFor("the second", () => (text.endsWith("data: second\n\n") ? { done: true } : { seen: text }));
    const body = "x".repeat(20_000_000);
    const answer = await ask({ port, host: host(3000), method: "POST", body });
    expect((JSON.parse(answer.body) as { length: number }).length).toBe(body.length + 2);
  });

  it("answers no other origin: not another site, the project's page, or another port", async () => {
    for (const origin of [
      "http://evil.example",
      `http://${NAME}.localhost:${port}`,
      `http://${host("vite")}`,
      `http://alpha.localhost:${port}`,
    ])
      expect((await ask({ port, host: host(3000), method: "POST", headers: { origin } })).status).toBe(403);
    const own = { origin: `http://${host(3000)}` };
    const answer = await ask({ port, host: host(3000), method: "POST", headers: own });
    expect(answer.status).toBe(200);
    expect(answer.body).toContain(`"origin":"http://localhost:3000"`);
    // Nor does opencode answer the port's page.
    const toOpencode = { port, host: `${NAME}.localhost:${port}`, headers: own };
    expect((await ask({ ...toOpencode, method: "POST" })).status).toBe(403);
  });

  it("is reached by no hostname but its own, and no neighbour", async () => {
    const elsewhere = await ask({ port, host: `${NAME}-8080.localhost:${port}` });
    expect(elsewhere.status).toBe(404);
    const { stdout: address } = await shellIn(platform.container(NAME), "hostname -i");
    const { code } = await shellIn(
      platform.container("alpha"),
      `curl -s -m 3 http://${address.trim()}:4097/ -H 'X-Opencode-Port: 3000'`,
    );
    expect(code).not.toBe(0);
  });

  it("is added, named and removed without a new container", async () => {
    const before = (await platform.ids())[platform.container(NAME)];
    await platform.apply([...platform.baseline(), entry([{ port: 3000, name: "web" }, 5173])]);
    await waitFor("the new hostname", async () => {
      const { status } = await ask({ port, host: host("web") });
      return status === 200 ? { done: true } : { seen: status };
    });
    expect((await ask({ port, host: host(3000) })).status).toBe(404);
    expect((await platform.ids())[platform.container(NAME)]).toBe(before);
    await platform.apply([...platform.baseline(), entry([3000, { port: 5173, name: "vite" }])]);
    expect((await platform.ids())[platform.container(NAME)]).toBe(before);
  });
});

describe("a Vite app", () => {
  let browser: Browser;
  const workspace = () => platform.workspace(NAME);

  beforeAll(async () => {
    writeViteApp(workspace(), "first");
    browser = await launchBrowser();
  });
  afterAll(() => browser?.close());

  it("is seen through Traefik, and a change in it without a reload", async () => {
    await start(VITE);
    const { page, troubles } = await openPage(browser);
    await waitFor("the dev server", async () => {
      const { status, body } = await ask({ port, host: host("vite") });
      return status === 200 && body.includes("/@vite/client") ? { done: true } : { seen: { status, body } };
    });
    // Vite tells nobody of a change whose WebSocket is not open yet.
    const connected = page.waitForEvent("console", (message) => message.text().includes("[vite] connected"));
    await page.goto(`http://${host("vite")}/`);
    await Promise.all([page.getByText("first").waitFor(), connected]);
    await page.evaluate("window.stayed = true");
    writeFileSync(join(workspace(), "app.js"), viteModule("second"));
    await page.getByText("second").waitFor();
    expect(await page.evaluate("window.stayed")).toBe(true);
    await screenshot(page, "port-vite");
    expect(troubles).toEqual([]);
  });

  it("can't call opencode from its page", async () => {
    const { page } = await openPage(browser);
    await page.goto(`http://${host("vite")}/`);
    const before = await callAt({ port, path: `/p/${NAME}` }, projectApi.sessions(50));
    const { path, method } = projectApi.createSession();
    const called = await page.evaluate(
      `fetch("http://${NAME}.localhost:${port}${path}", { method: "${method}", mode: "no-cors" }).then(() => "sent", String)`,
    );
    // Nothing of the answer can be read; that nothing was done shows in the list of sessions.
    expect(["sent", "TypeError: Failed to fetch"]).toContain(called);
    expect(await callAt({ port, path: `/p/${NAME}` }, projectApi.sessions(50))).toEqual(before);
  });
});

const readPassword = (): string =>
  /"Authorization":"Basic ([^"]+)"/.exec(
    readFileSync(platform.path(".runtime/routes", `${NAME}.yml`), "utf8"),
  )?.[1] ?? "no password found";
