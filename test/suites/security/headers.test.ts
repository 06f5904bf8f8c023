/** What the gateway takes out of requests and answers. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { EchoProject } from "../../support/echo.ts";
import { ask } from "../../support/http.ts";
import { projectApi } from "../../support/opencode.ts";
import { Platform } from "../../support/platform.ts";
import { answering } from "../../support/ready.ts";

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
});
