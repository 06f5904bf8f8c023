import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { projectApi } from "../../../support/opencode.ts";
import { launchBrowser, logIn, openProject } from "../../../support/production/people.ts";
import { DOMAIN, type Updated, type World } from "../../../support/production/world.ts";
import { waitFor } from "../../../support/wait.ts";

/** Part 3: who can open which project, and immediate revocation. */
export function members(world: () => World): void {
  const project = "alpha-code.example.com";
  const [dev, other, guest] = [`dev@${DOMAIN}`, `other@${DOMAIN}`, "ann@partner.example"];
  const groups = (...shop: string[]) => ({ groups: { shop } });
  const closed = [{ name: "alpha", members: ["shop"], machines: true }, { name: "beta" }];

  const ask = async (url: string, token: string) => {
    const headers = { cookie: `CF_Authorization=${token}` };
    return await world().cloudflare.edge.fetch(url, { headers });
  };
  /** Projects in the platform's index for a person. */
  const listedTo = async (email: string) => {
    const token = await world().cloudflare.sign({ application: "code.example.com", email });
    const answer = await ask("https://code.example.com/projects.json", token);
    const { projects } = (await answer.json()) as { projects: { name: string }[] };
    return projects.map(({ name }) => name);
  };
  const did = ({ changes }: Updated) => changes.map(({ op, what }) => `${op} ${what}`).sort();
  const succeeded = (updated: Updated) => expect(updated.code, updated.output.slice(-6000)).toBe(0);

  describe("a project with members", () => {
    let browser: Browser;
    let containers: Record<string, string>;
    let named: Updated;
    let taken: Updated;
    let token: string;
    /** Resolves when the person's open stream has ended. */
    let ended: Promise<void>;
    const [heard, over] = [[] as string[], { yes: false }];

    beforeAll(async () => {
      containers = await world().containers();
      world().write(closed, groups(dev, guest));
      named = await world().update();
      browser = await launchBrowser(world());
    });
    afterAll(() => browser?.close());

    it("gets its own policies and service token, and nothing else changes", async () => {
      succeeded(named);
      expect(did(named)).toEqual([
        "create ZeroTrustAccessPolicy panel-application-people",
        "create ZeroTrustAccessPolicy project-alpha-application-people",
        "create ZeroTrustAccessPolicy project-alpha-machines",
        "create ZeroTrustAccessServiceToken project-alpha-service-token",
        "update Command alpha-route",
        "update Command panel-revocation",
        "update Command project-alpha-revocation",
        "update ZeroTrustAccessApplication panel-application",
        "update ZeroTrustAccessApplication project-alpha-application",
      ]);
      expect(await world().containers()).toEqual(containers);
      expect((await world().update("--refresh")).changes).toEqual([]);
    });

    it("admits a member, by the group and from another domain than the stack's", async () => {
      await world().answers("alpha");
      const { page } = await openProject(world(), browser, "alpha", guest);
      expect(new URL(page.url()).host).toBe(project);
      await page.context().close();
    });

    it("admits a machine with the project's own service token, which opens nothing else", async () => {
      const { clientId, clientSecret } = await world().serviceToken("project alpha");
      const status = async (url: string, secret: string) => {
        const headers = { "CF-Access-Client-Id": clientId, "CF-Access-Client-Secret": secret };
        return (await world().cloudflare.edge.fetch(url, { headers })).status;
      };
      const at = (host: string) => `https://${host}${projectApi.health.path}`;
      expect(await status(at(project), clientSecret)).toBe(200);
      const other = clientSecret.endsWith("0") ? "1" : "0";
      expect(await status(at(project), `${clientSecret.slice(0, -1)}${other}`)).toBe(302);
      expect(await status(at("beta-code.example.com"), clientSecret)).toBe(302);
      expect(await status("https://code.example.com/projects.json", clientSecret)).toBe(302);
    });

    it("refuses a colleague who is not a member, but can open the others", async () => {
      const refused = await logIn(browser, world().urls.browser("alpha"), other);
      await refused.page.getByText("does not have access").waitFor();
      await refused.page.context().close();
      const { page } = await openProject(world(), browser, "beta", other);
      expect(new URL(page.url()).host).toBe("beta-code.example.com");
      await page.context().close();
    });

    it("is only listed to people who can open it", async () => {
      expect(await listedTo(dev)).toEqual(["alpha", "beta"]);
      expect(await listedTo(other)).toEqual(["beta"]);
      expect(await listedTo(guest)).toEqual(["alpha"]);
    });

    it("is immediately closed to a removed member, including open connections", async () => {
      token = await world().cloudflare.sign({ application: project, email: dev });
      const stream = await ask(`https://${project}${projectApi.eventsPath}`, token);
      expect(stream.status).toBe(200);
      ended = listen(stream, (part) => heard.push(part)).then(() => {
        over.yes = true;
      });
      await waitFor("the stream's first event", () =>
        heard.length > 0 ? { done: true } : { seen: "nothing" },
      );
      world().write(closed, groups(guest));
      taken = await world().update();
      succeeded(taken);
      expect(over.yes, "the stream has ended by the end of the update").toBe(true);
      await ended;
      const answer = await ask(`https://${project}${projectApi.health.path}`, token);
      expect([answer.status, answer.headers.get("location")]).toEqual([
        302,
        expect.stringContaining("https://acme.cloudflareaccess.com/"),
      ]);
      const { page } = await logIn(browser, world().urls.browser("alpha"), dev);
      await page.getByText("does not have access").waitFor();
      await page.context().close();
      expect(await listedTo(dev)).toEqual(["beta"]);
    });

    it("changes only the policy and the visibility, and no container", async () => {
      expect(did(taken)).toEqual([
        "update Command alpha-route",
        "update Command project-alpha-revocation",
        "update ZeroTrustAccessPolicy project-alpha-application-people",
      ]);
      expect(await world().containers()).toEqual(containers);
    });

    it("keeps other members' sessions when a member is added", async () => {
      const member = await world().cloudflare.sign({ application: project, email: guest });
      world().write(closed, groups(guest, dev));
      succeeded(await world().update());
      expect((await ask(`https://${project}${projectApi.health.path}`, member)).status).toBe(200);
    });

    it("is open to everyone the stack admits once it has no members", async () => {
      const member = await world().cloudflare.sign({ application: project, email: guest });
      const list = world().urls.panel;
      const ofList = await world().cloudflare.sign({ application: list, email: guest });
      expect((await ask(`https://${list}/projects.json`, ofList)).status).toBe(200);
      world().write([{ name: "alpha" }, { name: "beta" }]);
      const updated = await world().update();
      succeeded(updated);
      expect(did(updated)).toEqual([
        "delete ZeroTrustAccessPolicy panel-application-people",
        "delete ZeroTrustAccessPolicy project-alpha-application-people",
        "delete ZeroTrustAccessPolicy project-alpha-machines",
        "delete ZeroTrustAccessServiceToken project-alpha-service-token",
        "update Command alpha-route",
        "update Command panel-revocation",
        "update Command project-alpha-revocation",
        "update ZeroTrustAccessApplication panel-application",
        "update ZeroTrustAccessApplication project-alpha-application",
      ]);
      expect((await ask(`https://${project}${projectApi.health.path}`, member)).status).toBe(302);
      // The guest's session of the panel's hostname has ended as well.
      expect((await ask(`https://${list}/projects.json`, ofList)).status).toBe(302);
      expect(await listedTo(other)).toEqual(["alpha", "beta"]);
    });
  });
}

/** Reads a stream until it ends or is closed. */
async function listen(answer: Response, hear: (part: string) => void): Promise<void> {
  const decoder = new TextDecoder();
  try {
    for await (const part of answer.body ?? []) hear(decoder.decode(part));
  } catch {
    // cut
  }
}
