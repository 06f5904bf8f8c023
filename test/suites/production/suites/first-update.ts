import { randomUUID } from "node:crypto";
import { connect } from "node:net";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DROPLET_RUNTIME_DIR, ROUTES_DIR, routeFileName } from "../../../../config/naming/names.ts";
import { shellQuote } from "../../../../config/text/shell.ts";
import { answerTo } from "../../../../lab/model/model.ts";
import { screenshot, type Watched } from "../../../support/browser.ts";
import { leadTo } from "../../../support/echo.ts";
import { projectApi } from "../../../support/opencode.ts";
import { launchBrowser, logIn, openProject, persist, prompt } from "../../../support/production/people.ts";
import { DOMAIN, type Updated, type World } from "../../../support/production/world.ts";
import { waitFor } from "../../../support/wait.ts";

/** Demands 1 and 2: from nothing to an answered prompt, with only the intended access. */
export function firstUpdate(world: () => World): void {
  describe("the first update, from nothing", () => {
    let first: Updated;

    beforeAll(async () => {
      first = await world().update();
    });

    it("succeeds, and creates one droplet, one tunnel, and a hostname per project", () => {
      expect(first.code, first.output.slice(-8000)).toBe(0);
      const { cloudflare, digitalocean } = world();
      expect(digitalocean.droplets()).toHaveLength(1);
      expect([...cloudflare.state.tunnels.values()].filter(({ deleted_at }) => !deleted_at)).toHaveLength(1);
      expect([...cloudflare.state.records.values()].map(({ name }) => name).sort()).toEqual([
        "alpha-code.example.com",
        "beta-code.example.com",
        "code.example.com",
        "ssh-code.example.com",
      ]);
    });

    it("booted the droplet with its user data, without an error", async () => {
      expect(await world().onDroplet("cloud-init", "status")).toContain("status: done");
      expect(await world().onDroplet("findmnt", "-no", "FSTYPE", "/workspaces")).toBe("btrfs\n");
      expect(await world().onDroplet("cloud-init", "schema", "--system")).toContain("Valid");
    });

    it("limits what each project keeps, by a fifth of the volume", async () => {
      const groups = await world().onDroplet("btrfs", "qgroup", "show", "-r", "--raw", "/workspaces");
      const limits = groups.split("\n").filter((line) => line.startsWith("1/"));
      expect(limits.map((line) => line.trim().split(/\s+/)[3])).toEqual([String(2 ** 30), String(2 ** 30)]);
      const subvolumes = await world().onDroplet("btrfs", "subvolume", "list", "/workspaces");
      const paths = subvolumes.split("\n").flatMap((line) => / path (.*)$/.exec(line)?.[1] ?? []);
      expect(paths.sort()).toEqual([".data/alpha", ".data/beta", "alpha", "beta"]);
      await world().onDroplet("systemctl", "start", "opencode-space.service");
      const seen = JSON.parse(await world().onDroplet("cat", "/workspaces/.data/.space.json")) as object;
      expect(seen).toMatchObject({ projects: { alpha: { limit: 2 ** 30 }, beta: { limit: 2 ** 30 } } });
    });

    it("has the platform's unit, which restarts the containers by hand alone, and says how they are", async () => {
      const enabled = ["opencode-platform.service", "opencode-space.timer", "opencode-zswap.service"];
      expect(await world().onDroplet("systemctl", "is-enabled", ...enabled)).toBe(
        "enabled\nenabled\nenabled\n",
      );
      const started = async () => {
        const ids = Object.values(await world().containers());
        const said = await world().onDroplet(
          "docker",
          "inspect",
          "--format",
          "{{.Name}} {{.State.StartedAt}}",
          ...ids,
        );
        return said.split("\n").filter((line) => /-(project-\w+|traefik|connector) /.test(line));
      };
      const before = await started();
      expect(before).toHaveLength(4);
      await world().onDroplet("systemctl", "restart", "opencode-platform.service");
      expect((await started()).filter((line) => before.includes(line))).toEqual([]);
      const shown = ["--property", "ActiveState,StatusText", "--value", "opencode-platform.service"];
      const said = await world().onDroplet("systemctl", "show", ...shown);
      // In systemd's order, which is not that of the question.
      expect(said.trim().split("\n").sort()).toEqual(["active", "projects: 2 awake, 0 asleep, 0 stopped"]);
    });

    it("had only responses that match the clouds' published descriptions", () => {
      expect(world().digitalocean.violations).toEqual([]);
    });

    it("changes nothing when repeated, with and without a refresh", async () => {
      const second = await world().update();
      expect(second.code, second.output.slice(-4000)).toBe(0);
      expect(second.changes).toEqual([]);
      const refreshed = await world().update("--refresh");
      expect(refreshed.code, refreshed.output.slice(-4000)).toBe(0);
      expect(refreshed.changes).toEqual([]);
    });
  });

  describe("a colleague", () => {
    let browser: Browser;
    let watched: Watched;

    beforeAll(async () => {
      browser = await launchBrowser(world());
    });
    afterAll(() => browser?.close());

    it("logs in with Google and is in the project", async () => {
      watched = await openProject(world(), browser, "alpha", `dev@${DOMAIN}`);
      expect(new URL(watched.page.url()).host).toBe("alpha-code.example.com");
      await screenshot(watched.page, "production-open");
    });

    it("gets a prompt answered there", async () => {
      const nonce = randomUUID();
      const answer = answerTo(`nonce:${nonce}`);
      await prompt(watched.page, `What do you say to nonce:${nonce}`);
      // The tab and the heading also show it, as the session's title.
      await persist(watched.page, "the answer, beside the title", async () => {
        const shown = await watched.page.getByText(answer).filter({ visible: true }).count();
        return shown > 2 ? { done: true } : { seen: `it is shown ${shown} times` };
      });
      await screenshot(watched.page, "production-answered");
    });

    it("runs a command in the terminal, over a WebSocket through edge and tunnel", async () => {
      const frames: string[] = [];
      watched.page.on("websocket", (socket) => {
        socket.on("framereceived", ({ payload }) => frames.push(payload.toString()));
      });
      await watched.page.keyboard.press("Control+Backquote");
      await persist(watched.page, "a terminal's prompt", async () =>
        frames.length > 0 ? { done: true } : { seen: "no frame" },
      );
      // The terminal is the right half; a reloaded page has not focused it.
      await watched.page.mouse.click(945, 400);
      await watched.page.keyboard.type("echo $((6 * 7)) in $PWD\n");
      await waitFor("the command's output", () => {
        const text = frames.join("");
        return text.includes("42 in /workspace") ? { done: true } : { seen: text };
      });
    });

    it("sees the list of projects at the panel's hostname", async () => {
      const { page } = watched;
      await page.goto("https://code.example.com/");
      await page.getByRole("link", { name: "beta" }).waitFor();
      expect(await page.getByRole("link", { name: "beta" }).getAttribute("href")).toBe(
        "https://beta-code.example.com/",
      );
      await screenshot(page, "production-index");
    });

    it("is refused outside the team's domain", async () => {
      const { page } = await logIn(browser, world().urls.browser("alpha"), "somebody@elsewhere.example");
      await page.getByText("does not have access").waitFor();
      await screenshot(page, "production-refused");
      await page.context().close();
    });
  });
}

/**
 * Has a project's own route lead to a server that shows what it gets, in another project's container. Returns how to undo that.
 */
async function echoAt(world: World, project: string, inside: string): Promise<() => Promise<void>> {
  const container = world.names.project(inside);
  const program = `require("node:http").createServer((request, response) => {
    response.setHeader("set-cookie", "forged=1; Domain=${DOMAIN}");
    response.end("echo " + JSON.stringify(request.headers));
  }).listen(9999)`;
  await world.onDroplet("docker", "exec", "-d", container, "node", "-e", program);
  const address = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}";
  const at = (await world.onDroplet("docker", "inspect", "-f", address, container)).trim();
  const route = `${DROPLET_RUNTIME_DIR}/${ROUTES_DIR}/${routeFileName(project)}`;
  const before = await world.onDroplet("cat", route);
  const write = (text: string) =>
    world.onDroplet(
      "sh",
      "-c",
      `umask 077; printf %s ${shellQuote(text)} > ${route}.new; mv ${route}.new ${route}`,
    );
  await write(leadTo(`http://${at}:9999`, project, before));
  return async () => {
    await write(before);
    await world.onDroplet("docker", "exec", container, "pkill", "-f", "[c]reateServer");
  };
}

/** Demand 1's second half: rejections at the edge and, without it, at the connector. */
export function refusals(world: () => World): void {
  const host = "alpha-code.example.com";
  const { path } = projectApi.health;
  const email = `dev@${DOMAIN}`;
  const sign = (options: object = {}) => world().cloudflare.sign({ application: host, email, ...options });
  /**
   * The connector's status for each: cloudflared responds with 502 to an unverifiable token, 403 to another
   * application's.
   */
  const tokens: Record<string, { make: () => Promise<string> | undefined; refusal: number }> = {
    "no token": { make: () => undefined, refusal: 403 },
    "a forged token": { make: () => sign({ forged: true }), refusal: 502 },
    "an expired token": { make: () => sign({ expiresIn: -60 }), refusal: 502 },
    "another application's token": {
      make: () => sign({ application: "beta-code.example.com" }),
      refusal: 403,
    },
  };
  const url = `https://${host}${path}`;

  describe("a request", () => {
    for (const [name, { make, refusal }] of Object.entries(tokens)) {
      it(`with ${name} is refused at the edge`, async () => {
        const token = await make();
        const headers: Record<string, string> = token ? { cookie: `CF_Authorization=${token}` } : {};
        const answer = await world().cloudflare.edge.fetch(url, { headers });
        expect(answer.status).toBe(302);
        expect(answer.headers.get("location")).toContain("https://acme.cloudflareaccess.com/");
      });

      it(`with ${name} is refused at the connector when it bypasses the edge`, async () => {
        const token = await make();
        const headers: Record<string, string> = token ? { "cf-access-jwt-assertion": token } : {};
        const answer = await world().cloudflare.bypass(url, { headers });
        expect(answer.status).toBe(refusal);
        expect(await answer.text()).not.toContain("healthy");
      });
    }

    it("with a valid token passes both", async () => {
      const token = await sign();
      const past = await world().cloudflare.bypass(url, { headers: { "cf-access-jwt-assertion": token } });
      expect([past.status, await past.text()]).toEqual([200, expect.stringContaining('"healthy":true')]);
      const headers = { cookie: `CF_Authorization=${token}` };
      expect((await world().cloudflare.edge.fetch(url, { headers })).status).toBe(200);
    });

    it("of a machine does not pass with the service token of CI, which is for SSH", async () => {
      const { clientId, clientSecret } = await world().serviceToken();
      const headers = { "CF-Access-Client-Id": clientId, "CF-Access-Client-Secret": clientSecret };
      for (const at of [url, "https://code.example.com/projects.json"])
        expect((await world().cloudflare.edge.fetch(at, { headers })).status).toBe(302);
    });

    it("reaches a container without the person's credentials, and its answer sets no cookie", async () => {
      const restore = await echoAt(world(), "alpha", "beta");
      const other = "session-of-another-site";
      const headers = { cookie: `CF_Authorization=${await sign()}; crm=${other}` };
      const { answer, text } = await waitFor<{ answer: Response; text: string }>(
        "the project's route to lead to the echo",
        async () => {
          const answer = await world().cloudflare.edge.fetch(url, { headers });
          const text = await answer.text();
          return text.startsWith("echo ") ? { done: { answer, text } } : { seen: text };
        },
      );
      await restore();
      // The edge and the connector let them through; Traefik takes them out.
      expect(text).toContain('"cf-connecting-ip"');
      expect(text).toContain('"authorization":"Basic ');
      expect(text).not.toMatch(/cookie|cf-access|eyJ/i);
      expect(text).not.toContain(other);
      expect(answer.headers.get("set-cookie")).toBeNull();
      expect(answer.headers.get("content-security-policy")).toContain("frame-ancestors 'none'");
      await world().answers("alpha");
    });

    it("reaches no project by another project's hostname", async () => {
      const token = await sign();
      const answer = await world().cloudflare.edge.fetch(`https://${host}/p/beta${path}`, {
        headers: { cookie: `CF_Authorization=${token}` },
      });
      expect(await answer.text()).not.toContain('"healthy":true');
    });
  });

  describe("the droplet's address", () => {
    const outcome = (port: number): Promise<string> =>
      new Promise((resolve) => {
        const socket = connect({ host: world().droplet().ip, port, timeout: 3000 });
        socket.once("connect", () => resolve("connected"));
        socket.once("timeout", () => resolve("refused"));
        socket.once("error", () => resolve("refused"));
        socket.once("close", () => socket.destroy());
        for (const event of ["connect", "timeout", "error"]) socket.once(event, () => socket.destroy());
      });

    it("accepts SSH from the allow-list", async () => {
      expect(await outcome(22)).toBe("connected");
    });

    it.each([80, 443, 2375, 2376, 4080, projectApi.server.port, 8080, 20241])(
      "refuses port %d",
      async (port) => {
        expect(await outcome(port)).toBe("refused");
      },
    );

    it("refuses SSH from elsewhere", async () => {
      expect(await world().digitalocean.connectFromElsewhere(world().droplet().id, 22)).toBe("refused");
    });

    it("refuses passwords and forwarding", async () => {
      const settings = await world().onDroplet("sshd", "-T");
      for (const line of [
        "passwordauthentication no",
        "allowtcpforwarding no",
        "permitrootlogin without-password",
      ])
        expect(settings).toContain(line);
    });
  });

  describe("a project's container", () => {
    const alpha = () => world().names.project("alpha");
    const inside = (script: string) =>
      world().digitalocean.exec(world().droplet().id, ["docker", "exec", alpha(), "bash", "-c", script]);
    const METADATA = "http://169.254.169.254/metadata/v1/user-data";

    async function expectNoMetadata() {
      expect(await world().onDroplet("curl", "-sf", "--max-time", "5", METADATA)).toContain("#cloud-config");
      expect((await inside(`curl -sf --max-time 3 ${METADATA}`)).code).not.toBe(0);
    }

    async function expectNoNeighbours() {
      const format = "{{(index .IPAM.Config 0).Gateway}}";
      const gateway = (
        await world().onDroplet(
          "docker",
          "network",
          "inspect",
          "-f",
          format,
          world().names.projectNetwork("alpha"),
        )
      ).trim();
      expect(gateway).toMatch(/^172\.(2[89]|3[01])\./);
      for (const address of [world().droplet().ip, gateway])
        expect((await inside(`timeout 3 bash -c 'exec 3<>/dev/tcp/${address}/22'`)).code).not.toBe(0);
      expect((await inside("timeout 3 bash -c 'exec 3<>/dev/tcp/127.0.0.1/4080'")).code).not.toBe(0);
      expect(
        (
          await inside(
            `timeout 3 bash -c 'exec 3<>/dev/tcp/${world().names.project("beta")}/${projectApi.server.port}'`,
          )
        ).code,
      ).not.toBe(0);
    }

    it("can't reach the metadata service, unlike the droplet", () => expectNoMetadata());

    it("can't reach the droplet's sshd, Traefik or its neighbour", () => expectNoNeighbours());

    it("is as closed after a reboot, which starts no container before the packet rules", async () => {
      const started = () => world().onDroplet("docker", "inspect", "-f", "{{.State.StartedAt}}", alpha());
      const before = await started();
      const { digitalocean, tokens } = world();
      const reboot = await fetch(`${digitalocean.url}/v2/droplets/${world().droplet().id}/actions`, {
        method: "POST",
        headers: { authorization: `Bearer ${tokens.digitalocean}`, "content-type": "application/json" },
        body: JSON.stringify({ type: "reboot" }),
      });
      expect(reboot.status).toBe(201);
      await digitalocean.settle();
      await waitFor<true>("the project's container to start again", async () =>
        (await started()) === before ? { seen: before } : { done: true },
      );
      await world().answers("alpha");
      const [guard = 0, docker = 0] = await Promise.all(
        ["opencode-guard", "docker"].map(async (unit) =>
          Number(
            await world().onDroplet(
              "systemctl",
              "show",
              "--value",
              "-p",
              "ActiveEnterTimestampMonotonic",
              unit,
            ),
          ),
        ),
      );
      expect([guard > 0, docker > guard]).toEqual([true, true]);
      await expectNoMetadata();
      await expectNoNeighbours();
    });
  });
}
