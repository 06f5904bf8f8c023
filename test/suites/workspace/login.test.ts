/** A log-in whose redirect goes to localhost: real opencode waits in its container, and a person's browser is elsewhere. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { LOGIN_PATH } from "../../../config/naming/urls.ts";
import { launchBrowser, openPage, screenshot } from "../../support/browser.ts";
import { docker, health, logsOf } from "../../support/docker.ts";
import { ask, events, open } from "../../support/http.ts";
import { McpOauth } from "../../support/mcp-oauth.ts";
import { projectApi } from "../../support/opencode.ts";
import { Platform } from "../../support/platform.ts";
import { answering } from "../../support/ready.ts";
import { waitFor, waitForText } from "../../support/wait.ts";

const platform = new Platform();
const { port, host } = platform.fixture;
const NAME = "desk";
const GUEST = "desk-guest";
const mcp = new McpOauth(host);
const own = { port, host: `${NAME}.localhost:${port}` };
const api = { port, path: `/p/${NAME}` };

/** What a program pastes. */
const paste = (address: string, headers: Record<string, string> = {}, at: typeof own = own) =>
  ask({ ...at, path: LOGIN_PATH, method: "POST", headers, body: new URLSearchParams({ address }) });

/** What opencode says of its MCP servers. */
const status = async () => (await ask({ ...api, path: `${api.path}/mcp` })).body;

/** Starts a log-in by the API of 1.x, as `/connect` in the page does. Ends with the address at the provider; its result comes when somebody has finished it. */
async function start(): Promise<{ address: string; result: Promise<string> }> {
  const stream = await open({ ...api, path: api.path + projectApi.eventsPath });
  const result = ask({ ...api, path: `${api.path}/mcp/desk/auth/authenticate`, method: "POST" });
  for await (const event of events(stream)) {
    const { type, properties } = event as { type: string; properties: { url?: string } };
    // It has no browser to open.
    if (type === "mcp.browser.open.failed" && properties.url) {
      stream.destroy();
      return { address: properties.url, result: result.then(({ body }) => body) };
    }
  }
  throw new Error("opencode named no address to log in at");
}

beforeAll(async () => {
  await mcp.listen("0.0.0.0");
  await platform.apply([
    ...platform.baseline(),
    {
      name: NAME,
      network: { allow: platform.allow(mcp.port) },
      opencode: {
        config: {
          ...platform.opencodeConfig("any"),
          mcp: { desk: { type: "remote", url: mcp.url } },
        },
      },
    },
    { ...platform.baseline()[0], name: GUEST, trust: "ask" },
  ]);
  await answering(platform, NAME);
});
afterAll(async () => {
  await platform.reset();
  await mcp.close();
});

describe("a log-in that waits in a project", () => {
  it("is started first", async () => {
    expect(JSON.parse(await status())).toEqual({ desk: { status: "needs_auth" } });
    const { status: code, body } = await paste(
      "http://127.0.0.1:19876/mcp/oauth/callback?code=oauth-canary-early&state=1",
    );
    expect([code, body]).toEqual([
      409,
      expect.stringMatching(/^No log-in is waiting\. Start it in opencode first, then paste the address\./),
    ]);
  });

  it("is finished by the address that the person's browser could not open", async () => {
    const { address, result } = await start();
    const redirect = mcp.consent(address);
    expect(redirect).toMatch(/^http:\/\/127\.0\.0\.1:19876\/mcp\/oauth\/callback\?/);

    const wrong = new URL(redirect);
    wrong.searchParams.set("state", "of-somebody-else");
    const refused = await paste(wrong.href);
    expect([refused.status, refused.body]).toEqual([
      502,
      expect.stringMatching(/^The log-in failed\. .*Invalid or expired state/),
    ]);

    const browser = await launchBrowser();
    try {
      const { page, troubles, requests } = await openPage(browser);
      await page.goto(`http://${own.host}${LOGIN_PATH}`);
      await screenshot(page, "login");
      await page.getByLabel("Paste the address that your browser could not open").fill(redirect);
      await page.getByRole("button", { name: "Finish the log-in" }).click();
      await page.getByRole("heading", { name: "The log-in has been passed to opencode" }).waitFor();
      await screenshot(page, "login-finished");
      expect(await page.getByRole("status").textContent()).toContain("Authorization successful");
      expect(new Set(requests)).toEqual(new Set([`http://${own.host}${LOGIN_PATH}`]));
      expect(troubles).toEqual([]);
    } finally {
      await browser.close();
    }
    expect(JSON.parse(await result)).toEqual({ status: "connected" });
    expect(JSON.parse(await status())).toEqual({ desk: { status: "connected" } });
    expect(mcp.calls).toContain("tools/list");
  });

  it("is the project's: kept in its home, for the next container too", async () => {
    const kept = join(platform.home(NAME), ".local/share/opencode/mcp-auth.json");
    expect(existsSync(kept)).toBe(true);
    expect(readFileSync(kept, "utf8")).toContain("oauth-canary-");
    await docker.getContainer(platform.container(NAME)).restart({ t: 2 });
    await waitFor("the next start", async () => {
      const { status } = await health(platform.container(NAME));
      return status === "healthy" ? { done: true } : { seen: status };
    });
    await answering(platform, NAME);
    expect(JSON.parse(await status())).toEqual({ desk: { status: "connected" } });
  });

  it("leaves its code and tokens in no log", async () => {
    expect(mcp.given.length).toBeGreaterThan(2);
    for (const container of [platform.container(NAME), platform.names.traefik, platform.names.notice])
      expect(await logsOf(container)).not.toContain("oauth-canary-");
  });
});

describe("the page for it", () => {
  it("takes nothing that another site's page sends, or a neighbour's", async () => {
    const address = "http://127.0.0.1:19876/mcp/oauth/callback?code=1&state=1";
    for (const origin of ["http://evil.example", "null", `http://alpha.localhost:${port}`])
      expect((await paste(address, { origin })).status).toBe(403);
    expect((await paste(address, { "sec-fetch-site": "cross-site" })).status).toBe(403);
    expect((await paste(address, { origin: `http://${own.host}` })).status).toBe(409);
  });

  it("is no way to the project's other programs, or to opencode itself", async () => {
    for (const to of ["4096/callback", "4096/session", "4097/callback", "19876/other"]) {
      const { status: code } = await paste(`http://localhost:${to}?code=1&state=1`);
      expect([403, 409]).toContain(code);
    }
    expect((await ask({ ...own, path: "/_platform/other" })).status).toBe(404);
    const key = { "x-opencode-port": "3000", "x-opencode-key": "00" };
    expect((await ask({ ...own, path: "/_platform/other", headers: key })).status).toBe(404);
  });

  it("does nothing before somebody trusts the repository", async () => {
    const guest = { port, host: `${GUEST}.localhost:${port}` };
    await waitForText(
      "the question",
      async () => (await health(platform.container(GUEST))).line,
      /^asks whether its repository is trusted/,
    );
    const page = await ask({ ...guest, path: LOGIN_PATH, headers: { accept: "text/html" } });
    expect([page.status, page.body]).toEqual([409, expect.stringContaining("asks whether its repository")]);
    expect(page.body).not.toContain("<form");
    expect((await paste("http://localhost:1455/auth/callback?code=1&state=1", {}, guest)).status).toBe(409);
  });
});
