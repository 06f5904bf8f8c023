/** What the gateway takes out of requests and answers, what it adds, and what another site's page gets. */
import { createServer, type Server } from "node:http";
import type { Browser, Page, Request } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { launchBrowser } from "../../support/browser.ts";
import { EchoProject, serve } from "../../support/echo.ts";
import { ask, type Question } from "../../support/http.ts";
import { PROTECTED_PATH, projectApi } from "../../support/opencode.ts";
import { Platform } from "../../support/platform.ts";
import { answering } from "../../support/ready.ts";
import { waitFor } from "../../support/wait.ts";

const platform = new Platform();
const { port } = platform.fixture;
const echo = new EchoProject(platform);

beforeAll(async () => {
  await platform.reset();
  await answering(platform, "alpha");
  await echo.start();
});
afterAll(() => echo.stop());

const SECRET = "credential-of-a-person";

/** Everything by which a person or machine is admitted somewhere. */
const CREDENTIALS = {
  authorization: `Bearer ${SECRET}`,
  "proxy-authorization": `Bearer ${SECRET}`,
  cookie: `session=${SECRET}; CF_Authorization=${SECRET}; CF_AppSession=${SECRET}`,
  "cf-access-jwt-assertion": SECRET,
  "cf-access-token": SECRET,
  "cf-access-client-id": SECRET,
  "cf-access-client-secret": SECRET,
  "cf-access-authenticated-user-email": `${SECRET}@example.com`,
  cf_authorization: SECRET,
  "x-api-key": SECRET,
  "x-auth-token": SECRET,
};

describe("a request to a project's container", () => {
  it.each([
    ["its hostname", { host: echo.host, path: "/api" }],
    ["its path", { path: "/p/echo/api" }],
  ])("has no credential but the project's password, by %s", async (_, at) => {
    echo.arrived.length = 0;
    const headers = { ...CREDENTIALS, "x-opencode-directory": "/workspace" };
    expect((await ask({ port, ...at, headers })).status).toBe(200);
    const [arrived] = echo.arrived;
    expect(JSON.stringify(arrived)).not.toContain(SECRET);
    expect(arrived?.path).toBe("/api");
    expect(arrived?.headers).toMatchObject({
      authorization: projectApi.authorization(echo.password),
      "x-opencode-directory": "/workspace",
    });
  });
});

describe("an answer", () => {
  it("of a project sets no cookie and clears none, for its host or the domain", async () => {
    echo.headers = {
      "set-cookie": ["CF_Authorization=forged; Domain=localhost", "own=1"],
      "clear-site-data": '"cookies"',
      "x-of-the-project": "kept",
    };
    const { headers } = await ask({ port, host: echo.host, path: "/api" });
    echo.headers = {};
    expect(headers["set-cookie"]).toBeUndefined();
    expect(headers["clear-site-data"]).toBeUndefined();
    expect(headers["x-of-the-project"]).toBe("kept");
  });

  const own = `alpha.localhost:${port}`;
  const accept = "text/html";
  it.each<[string, Omit<Question, "port">, number]>([
    ["a project's page", { host: own, path: "/somewhere", headers: { accept } }, 200],
    ["a project's API", { path: `/p/alpha${PROTECTED_PATH}` }, 200],
    ["a project's assets", { host: own, path: "/favicon.ico" }, 200],
    ["a redirect to the hostname", { path: "/p/alpha/", headers: { accept } }, 302],
    ["a refusal", { host: own, path: "/", headers: { origin: "https://evil.example" } }, 403],
    ["an unknown hostname", { host: "nobody.localhost" }, 404],
    ["the gateway", { path: "/ping" }, 200],
  ])("of %s can't be framed, sniffed or read by another site", async (_, question, status) => {
    const answer = await ask({ port, ...question });
    expect(answer.status).toBe(status);
    expect(answer.headers).toMatchObject({
      "x-frame-options": "DENY",
      "x-content-type-options": "nosniff",
      "cross-origin-resource-policy": "same-origin",
    });
    expect(answer.headers["content-security-policy"]).toContain("frame-ancestors 'none'");
    expect(answer.headers["referrer-policy"]).toMatch(/^(same-origin|no-referrer|same-origin, no-referrer)$/);
  });

  it("of a project's page keeps opencode's own policy", async () => {
    const { headers } = await ask({ port, host: own, path: "/somewhere", headers: { accept } });
    expect(headers["content-security-policy"]).toMatch(/script-src 'self' 'wasm-unsafe-eval' 'sha256-/);
    // A browser takes each by itself.
    expect(String(headers["content-security-policy"]).split(", ")).toContain("frame-ancestors 'none'");
  });
});

describe("a request that a browser says another site's page makes", () => {
  const at = (headers: Record<string, string>, method = "GET") =>
    ask({ port, host: echo.host, path: "/x", method, headers });
  const opened = { "sec-fetch-mode": "navigate", "sec-fetch-dest": "document", accept: "text/html" };

  it.each(["cross-site", "same-site"])(
    "is refused with Sec-Fetch-Site: %s, unless a person opens a page",
    async (site) => {
      echo.arrived.length = 0;
      const from = { "sec-fetch-site": site };
      const refused = [
        await at(from),
        await at({ ...from, "sec-fetch-mode": "no-cors", "sec-fetch-dest": "image" }),
        await at({ ...from, "sec-fetch-mode": "no-cors", "sec-fetch-dest": "script" }),
        await at({ ...from, "sec-fetch-mode": "cors", "sec-fetch-dest": "empty" }),
        await at({ ...from, ...opened, "sec-fetch-dest": "iframe" }),
        await at({ ...from, ...opened, "sec-fetch-dest": "embed" }),
        await at({ ...from, ...opened, "sec-purpose": "prefetch" }),
        await at({ ...from, ...opened }, "POST"),
      ];
      expect(refused.map(({ status }) => status)).toEqual(refused.map(() => 403));
      expect(echo.arrived).toEqual([]);
      expect((await at({ ...from, ...opened })).status).toBe(200);
    },
  );

  it.each(["same-origin", "none"])("is none with Sec-Fetch-Site: %s", async (site) => {
    const answer = await at({ "sec-fetch-site": site, "sec-fetch-mode": "cors", "sec-fetch-dest": "empty" });
    expect(answer.status).toBe(200);
  });
});

describe("another site's page in Chromium", () => {
  let browser: Browser;
  let site: Server;
  let page: Page;
  let html = "";

  /** Opens a page with this body at another origin. */
  async function open(body: string): Promise<void> {
    html = `<!doctype html><title>evil</title><link rel="icon" href="data:,">${body}`;
    await page.goto(`http://evil.localhost:${sitePort}/`);
  }
  let sitePort = 0;

  beforeAll(async () => {
    site = createServer((_, response) => response.end(html));
    sitePort = await serve(site);
    browser = await launchBrowser();
    page = await (await browser.newContext()).newPage();
  });
  afterAll(async () => {
    await browser?.close();
    site?.close();
    site?.closeAllConnections();
  });

  it("starts nothing by an image, a script, a style, a frame or a request that it can't read", async () => {
    echo.arrived.length = 0;
    const url = (path: string) => `http://${echo.host}/${path}`;
    const settled = new Set<string>();
    const note = (request: Request) => settled.add(request.url());
    page.on("requestfinished", note).on("requestfailed", note);
    await open(`<img src="${url("img")}"><script src="${url("script")}"></script><video src="${url("video")}"></video>
      <link rel="stylesheet" href="${url("style")}"><iframe src="${url("iframe")}"></iframe><object data="${url("object")}"></object>
      <script>fetch("${url("fetch")}", { mode: "no-cors" })</script>`);
    const kinds = ["img", "script", "video", "style", "iframe", "object", "fetch"];
    await waitFor("the end of every request", () => {
      const missing = kinds.filter((kind) => !settled.has(url(kind)));
      return missing.length === 0 ? { done: true } : { seen: missing };
    });
    expect(echo.paths).toEqual([]);
  });

  it("leads to a project by a link, as a chat does", async () => {
    echo.arrived.length = 0;
    await open(`<a href="http://${echo.host}/page">open</a>`);
    await page.getByText("open").click();
    await page.getByText("a project's page").waitFor();
    expect(echo.arrived[0]?.headers["sec-fetch-site"]).toBe("cross-site");
    expect(echo.paths).toContain("/page");
  });

  it("leads to opencode's own page, which works", async () => {
    await open(`<a href="${platform.url("alpha")}">open</a>`);
    await page.getByText("open").click();
    await page.locator('[contenteditable="true"]').first().waitFor();
    expect(new URL(page.url()).host).toBe(`alpha.localhost:${port}`);
  });

  it("shows a project in no frame: neither of another site, nor of its own", async () => {
    const frames = async () => {
      await waitFor("the frame's end", () => {
        const urls = page.frames().map((frame) => frame.url());
        return urls.includes("chrome-error://chromewebdata/") ? { done: true } : { seen: urls };
      });
      const texts = await Promise.all(
        page
          .frames()
          .slice(1)
          .map((frame) => frame.locator("body").textContent()),
      );
      return texts.join();
    };
    await open(`<iframe src="${platform.url("alpha")}somewhere"></iframe>`);
    expect(await frames()).not.toContain("project");
    echo.arrived.length = 0;
    echo.page =
      "<!doctype html><p>a project's page</p><script>top === self && document.write('<iframe src=\"/framed\"></iframe>')</script>";
    await page.goto(`http://${echo.host}/framing`);
    expect(await frames()).not.toContain("a project's page");
    // It is the answer's headers that keep it out: the request itself is the project's own.
    expect(echo.paths).toContain("/framed");
  });
});
