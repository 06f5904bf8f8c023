import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  type Example,
  GOOGLE,
  SITE,
  SPARE,
  startExample,
} from "../../../lab/clouds/cloudflare/example/index.ts";
import type { Visitor } from "../../../lab/clouds/cloudflare/index.ts";

let example: Example;

beforeAll(async () => {
  example = await startExample();
});

afterAll(() => example.stop());

async function page(visitor: Visitor, url = `https://${SITE}/start?x=1`) {
  const { url: at, response } = await visitor.visit(url);
  return { url: at, status: response.status, html: await response.text() };
}

const link = (html: string, text: string) =>
  new RegExp(`<a href="([^"]+)">${text}</a>`).exec(html)?.[1]?.replaceAll("&amp;", "&") ?? "";

async function google(visitor: Visitor, email: string) {
  const choice = await page(visitor);
  expect(choice.html).toContain("Send me a code");
  const form = await page(
    visitor,
    `https://${example.cloudflare.teamDomain}${link(choice.html, "Sign in with Google")}`,
  );
  expect(new URL(form.url).hostname).toBe("accounts.google.com");
  return await visitor.submit(form, { email });
}

describe("logging in", () => {
  it("with Google returns to the requested page", async () => {
    const visitor = example.cloudflare.edge.visitor();
    const { url, response } = await google(visitor, "ann@example.com");
    expect([url, response.status]).toEqual([`https://${SITE}/start?x=1`, 200]);
    const identity = await visitor.step(`https://${SITE}/cdn-cgi/access/get-identity`);
    expect(await identity.json()).toMatchObject({ email: "ann@example.com" });
    const again = await visitor.visit(`https://${SITE}/`);
    expect(again.response.status).toBe(200);
  });

  it("rejects a person whom no policy allows", async () => {
    for (const email of ["eve@example.org", "gone@example.com"]) {
      const { response } = await google(example.cloudflare.edge.visitor(), email);
      expect(response.status).toBe(403);
      expect(await response.text()).toContain("That account does not have access");
    }
  });

  it("renews an application's token while the team's session is valid and the policies allow", async () => {
    const visitor = example.cloudflare.edge.visitor();
    await google(visitor, "cat@example.com");
    const app = [...example.cloudflare.state.applications.values()].find((each) => each.domain === SITE);
    await example.api.result(`${example.api.account}/access/apps/${app?.id}/revoke_tokens`);
    expect((await visitor.visit(`https://${SITE}/again`)).response.status).toBe(200);
  });

  it("ends everywhere at logout", async () => {
    const visitor = example.cloudflare.edge.visitor();
    await google(visitor, "dan@example.com");
    const token = visitor.cookie(SITE, "CF_Authorization");
    const out = await visitor.visit(`https://${SITE}/cdn-cgi/access/logout`);
    expect(await out.response.text()).toContain("logged out");
    expect(visitor.cookie(SITE, "CF_Authorization")).toBeUndefined();
    expect((await example.visit("/", { cookie: `CF_Authorization=${token}` })).status).toBe(302);
    expect((await page(visitor)).html).toContain("Log in to");
  });

  async function askForCode(visitor: Visitor, email: string) {
    const choice = await page(visitor);
    const { url, response } = await visitor.submit(choice, { email });
    return { url, html: await response.text() };
  }

  it("with a one-time PIN accepts the code once", async () => {
    const visitor = example.cloudflare.edge.visitor();
    const wrong = await askForCode(visitor, "ann@example.com");
    const refused = await visitor.submit(wrong, { code: "no" });
    expect(refused.response.status).toBe(400);
    const form = await askForCode(visitor, "Ann@example.com");
    const { url, response } = await visitor.submit(form, {
      code: example.cloudflare.edge.lastCode("ann@example.com") ?? "",
    });
    expect([url, response.status]).toEqual([`https://${SITE}/start?x=1`, 200]);
  });

  it("with a one-time PIN sends no code to a person whom no policy allows, with the same page", async () => {
    const form = await askForCode(example.cloudflare.edge.visitor(), "eve@example.org");
    expect(form.html).toContain("Enter code");
    expect(example.cloudflare.edge.lastCode("eve@example.org")).toBeUndefined();
  });

  it("fails with an unknown Google client or secret", async () => {
    const provider = [...example.cloudflare.state.identityProviders.values()].find(
      ({ type }) => type === "google",
    );
    if (!provider) throw new Error("no provider");
    provider.client_secret = "other";
    expect((await google(example.cloudflare.edge.visitor(), "ann@example.com")).response.status).toBe(400);
    provider.client_id = "other";
    const choice = await page(example.cloudflare.edge.visitor());
    const refusal = await page(
      example.cloudflare.edge.visitor(),
      `https://${example.cloudflare.teamDomain}${link(choice.html, "Sign in with Google")}`,
    );
    expect([refusal.status, refusal.html]).toEqual([401, expect.stringContaining("invalid_client")]);
    Object.assign(provider, { client_id: GOOGLE.clientId, client_secret: GOOGLE.clientSecret });
  });

  it("redirects to the only provider if the application is set so, and never to another site", async () => {
    const [policy] = [...example.cloudflare.state.policies.values()];
    const provider = [...example.cloudflare.state.identityProviders.values()].find(
      ({ type }) => type === "google",
    );
    await example.application(SPARE, [{ id: policy?.id ?? "" }], {
      allowed_idps: [provider?.id],
      auto_redirect_to_identity: true,
    });
    const visitor = example.cloudflare.edge.visitor();
    const form = await page(visitor, `https://${SPARE}//evil.test/`);
    expect(new URL(form.url).hostname).toBe("accounts.google.com");
    const { url } = await visitor.submit(form, { email: "ann@example.com" });
    expect(url).toBe(`https://${SPARE}/`);
  });
});
