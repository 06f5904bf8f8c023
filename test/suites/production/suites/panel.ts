import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type SshServer, startSsh } from "../../../../lab/forges/ssh-server.ts";
import { type Postgres, startPostgres } from "../../../support/production/postgres.ts";
import { DOMAIN, type World } from "../../../support/production/world.ts";
import { must } from "../../../support/run.ts";
import { removeFolder, temporaryFolder } from "../../../support/temporary.ts";
import { waitFor } from "../../../support/wait.ts";

const HOST = "code.example.com";
const [admin, member] = [`ann@${DOMAIN}`, `dev@${DOMAIN}`];
const POSTGRES_PORT = 25_432;
/** The panel's directory on the droplet. */
const PANEL = "/workspaces/.panel";

interface Operation {
  readonly id: string;
  readonly state: string;
  readonly error?: string;
}

/** Part 4: the panel as a container on the droplet, with a team's backend and repository. */
export function panel(world: () => World): void {
  describe("the panel on the droplet", () => {
    const folder = temporaryFolder();
    const repository = join(folder, "platform.git");
    let postgres: Postgres;
    let before: Record<string, string>;
    let ssh: SshServer;
    const git = (...args: string[]) =>
      must("git", ["-c", "user.name=Ann", "-c", `user.email=${admin}`, ...args], { cwd: world().root });

    const ask = async (path: string, email: string, init: RequestInit = {}) => {
      const token = await world().cloudflare.sign({ application: HOST, email });
      const headers = { ...init.headers, cookie: `CF_Authorization=${token}` };
      return await world().cloudflare.edge.fetch(`https://${HOST}${path}`, { ...init, headers });
    };
    const onHost = (...argv: string[]) => world().onDroplet(...argv);
    const send = (method: string, path: string, body?: object, email = admin) =>
      ask(path, email, {
        method,
        ...(body ? { body: JSON.stringify(body), headers: { "content-type": "application/json" } } : {}),
      });
    const names = async (email: string) => {
      const { projects } = (await (await ask("/api/projects", email)).json()) as {
        projects: { name: string }[];
      };
      return projects.map(({ name }) => name).sort();
    };
    /** Sends a request that needs an update, and waits for its end. */
    const carryOut = async (method: string, path: string, body?: object): Promise<void> => {
      const answer = await send(method, path, body);
      const text = await answer.text();
      expect(answer.status, text).toBe(202);
      const { operation } = JSON.parse(text) as { operation: Operation };
      await waitFor<true>(
        `${method} ${path}`,
        async () => {
          const now = (await (await ask(`/api/operations/${operation.id}`, admin)).json()) as Operation;
          if (now.state === "failed" || now.state === "interrupted") throw new Error(JSON.stringify(now));
          return now.state === "succeeded" ? { done: true } : { seen: JSON.stringify(now) };
        },
        { within: 300_000, every: 1000 },
      );
    };

    const untilItAnswers = () =>
      waitFor<true>(
        "the panel to answer",
        async () => {
          const answer = await ask("/api/projects", admin);
          const body = await answer.text();
          if (answer.status === 200 && body.startsWith("{")) return { done: true };
          const log = await world()
            .onDroplet("sh", "-c", `docker logs --tail 20 ${world().names.panel} 2>&1`)
            .catch(String);
          return { seen: `${answer.status} ${body.slice(0, 300)}\n${log}` };
        },
        { within: 900_000, every: 3000 },
      );

    beforeAll(async () => {
      const { gateway } = world().digitalocean;
      postgres = await startPostgres(gateway, POSTGRES_PORT);
      before = { ...world().shell };
      const passphrase = readFileSync(world().path(".state", "passphrase"), "utf8").trim();
      const variables = { PULUMI_BACKEND_URL: postgres.url, PULUMI_CONFIG_PASSPHRASE: passphrase };
      await moveState(world(), variables, true);
      execFileSync("git", ["init", "--quiet", "--bare", "--initial-branch=main", repository]);
      ssh = await startSsh(folder, { host: gateway });
      await configurePanel(world(), {
        remote: `ssh://git@${gateway}:${ssh.port}/platform.git`,
        knownHosts: [ssh.knownHost(gateway)],
        admins: [admin],
      });
      world().write([
        { name: "alpha", members: [member] },
        { name: "beta", members: [admin] },
      ]);
      await git("add", "--force", "projects.yaml", "Pulumi.prod.yaml");
      await git("commit", "--quiet", "--message", "Deploy the team's projects");
      await git("push", "--quiet", repository, "HEAD:refs/heads/main");
      await bringTools(world());
      const updated = await world().update();
      expect(updated.code, updated.output.slice(-6000)).toBe(0);
      const key = await world().pulumi(["stack", "output", "panelDeployKey"]);
      ssh.authorize(key.stdout.trim());
      await untilItAnswers();
    });
    afterAll(async () => {
      await moveState(world(), before, false);
      await ssh?.close();
      await postgres?.stop();
      removeFolder(folder);
    });

    it("shows an admin everything, and a member their own projects", async () => {
      expect(await names(admin)).toEqual(["alpha", "beta"]);
      expect(await names(member)).toEqual(["alpha"]);
      expect((await ask("/api/projects/beta/logs", member)).status).toBe(404);
    });

    it("lets members change none, and outsiders see none", async () => {
      const file = await onHost("cat", `${PANEL}/checkout/projects.yaml`);
      const containers = await world().containers();
      for (const [method, path, body] of [
        ["POST", "/api/projects/beta/stop", undefined],
        ["PATCH", "/api/projects/beta", { branch: "main" }],
        ["DELETE", "/api/projects/beta", undefined],
      ] as const)
        expect((await send(method, path, body, member)).status, `${method} ${path}`).toBe(404);
      // Open to them, but not theirs.
      expect((await send("PATCH", "/api/projects/alpha", { branch: "main" }, member)).status).toBe(403);
      const big = { name: "mine", resources: { memory: "8GiB" } };
      expect((await send("POST", "/api/projects", big, member)).status).toBe(403);
      // A token that the edge should not have issued.
      const outsider = "eve@elsewhere.example";
      expect((await ask("/api/projects", outsider)).status).toBe(403);
      expect((await send("POST", "/api/projects/alpha/stop", undefined, outsider)).status).toBe(403);
      expect(await onHost("cat", `${PANEL}/checkout/projects.yaml`)).toBe(file);
      expect(await world().containers()).toEqual(containers);
      const audit = await onHost("cat", `${PANEL}/checkout/.runtime/panel/audit.jsonl`);
      expect(audit).toMatch(new RegExp(`"${member}".*"outcome":"refused"`));
    });

    it("rejects a missing token, or another application's, at the edge, the connector and the panel", async () => {
      const url = `https://${HOST}/api/projects`;
      expect((await world().cloudflare.edge.fetch(url)).status).toBe(302);
      const foreign = await world().cloudflare.sign({ application: "alpha-code.example.com", email: admin });
      const assertion = { "cf-access-jwt-assertion": foreign };
      expect((await world().cloudflare.bypass(url, { headers: assertion })).status).toBe(403);
      const here = async (...headers: string[]) => {
        const flags = headers.flatMap((header) => ["-H", header]);
        const code = ["-s", "-o", "/dev/null", "-w", "%{http_code}"];
        const at = `http://127.0.0.1:4090/api/projects`;
        return await onHost("curl", ...code, "-H", `Host: ${HOST}`, ...flags, at);
      };
      expect(await here()).toBe("401");
      expect(await here(`Cf-Access-Jwt-Assertion: ${foreign}`)).toBe("401");
      const own = await world().cloudflare.sign({ application: HOST, email: admin });
      expect(await here(`Cf-Access-Jwt-Assertion: ${own}`)).toBe("200");
    });

    it("adds a project: file, the person's commit, container, hostname; a manual update changes nothing", async () => {
      const [workspace, home] = ["/workspaces/delta", "/workspaces/.data/delta"];
      await onHost(
        "sh",
        "-c",
        `mkdir -p ${workspace} ${home} && echo planted | tee ${workspace}/planted > ${home}/planted && ln -sfn / ${home}/root`,
      );
      const asked = await send("POST", "/api/projects", { name: "delta" });
      expect([asked.status, await asked.json()]).toEqual([
        409,
        expect.objectContaining({ leftover: expect.objectContaining({ choices: ["keep", "anew"] }) }),
      ]);
      const keep = { name: "delta", leftover: "keep" };
      expect((await send("POST", "/api/projects", keep, member)).status).toBe(403);
      await carryOut("POST", "/api/projects", { name: "delta", leftover: "anew" });
      await world().answers("delta");
      expect(await onHost("ls", "-A", workspace, home)).not.toContain("planted");
      const listed = await world().script("purge", "--stack", "prod");
      const [aside = ""] = /delta\.removed-\d{8}T\d{6}Z/.exec(listed.output) ?? [];
      expect(aside, listed.output).not.toBe("");
      expect(await onHost("cat", `/workspaces/.data/${aside}/planted`)).toBe("planted\n");
      const purged = await world().script("purge", aside, "--yes", "--stack", "prod");
      expect(purged.code, purged.output).toBe(0);
      expect(await onHost("ls", "-A", "/workspaces", "/workspaces/.data")).not.toContain("removed");
      const log = await must("git", ["-C", repository, "log", "-1", "--format=%ae %s", "main"], {});
      expect(log.stdout).toMatch(new RegExp(`^${admin} .*delta`));
      await git("pull", "--quiet", "--ff-only", repository, "main");
      expect(readFileSync(world().path("projects.yaml"), "utf8")).toContain("name: delta");
      const by = await world().update();
      expect([by.code, by.changes], by.output.slice(-4000)).toEqual([0, []]);
    });

    it("stops and starts a project, and deletes it with its workspace", async () => {
      await carryOut("POST", "/api/projects/delta/stop");
      expect(Object.keys(await world().containers())).not.toContain(world().names.project("delta"));
      const reset = await world().script("reset-home", "delta", "--yes", "--stack", "prod");
      expect(reset.code, reset.output).toBe(0);
      expect(await onHost("ls", "-A", "/workspaces/.data/delta")).toBe("");
      await carryOut("POST", "/api/projects/delta/start");
      await world().answers("delta");
      await carryOut("DELETE", "/api/projects/delta?workspace=delete&confirm=delta");
      expect(await onHost("ls", "/workspaces")).not.toContain("delta");
      expect(await names(admin)).toEqual(["alpha", "beta"]);
    });

    it("exposes none of its secrets", async () => {
      const passphrase = world().shell.PULUMI_CONFIG_PASSPHRASE ?? "";
      const inspected = await onHost("docker", "inspect", world().names.panel);
      const logs = await onHost(
        "sh",
        "-c",
        `docker logs ${world().names.panel} 2>&1; find ${PANEL}/checkout/.runtime/panel -type f -exec cat {} +`,
      );
      for (const secret of [passphrase, world().tokens.cloudflare, world().tokens.digitalocean]) {
        expect(secret).not.toBe("");
        expect(inspected).not.toContain(secret);
        expect(logs).not.toContain(secret);
      }
      expect(logs).toContain(admin);
      expect(await onHost("stat", "-c", "%a %U", PANEL)).toBe("700 root\n");
    });

    it("leaves updates to a pipeline, holds nothing that they need, and waits until its commit is applied", async () => {
      /** What the pipeline does after a push. */
      const deploy = async () => {
        await git("pull", "--quiet", "--ff-only", repository, "main");
        const updated = await world().update();
        expect(updated.code, updated.output.slice(-6000)).toBe(0);
      };
      await git("pull", "--quiet", "--ff-only", repository, "main");
      await world().configure("opencode-platform:panel.apply", "ci", { path: true });
      await git("commit", "--quiet", "--message", "Leave updates to the pipeline", "Pulumi.prod.yaml");
      await git("push", "--quiet", repository, "HEAD:refs/heads/main");
      await deploy();
      const environment = await onHost("docker", "exec", world().names.panel, "sh", "-c", "cat /run/panel/*");
      for (const secret of [world().shell.PULUMI_CONFIG_PASSPHRASE, ...Object.values(world().tokens)])
        expect(environment).not.toContain(secret);
      expect(environment).toContain("NODE_EXTRA_CA_CERTS");
      await untilItAnswers();
      const operationOf = async (answer: Response) => {
        const text = await answer.text();
        expect(answer.status, text).toBe(202);
        return (JSON.parse(text) as { operation: Operation }).operation.id;
      };
      const at = async (id: string, state: string) =>
        await waitFor<true>(
          `an operation that has ${state}`,
          async () => {
            const now = (await (await ask(`/api/operations/${id}`, admin)).json()) as Operation;
            return now.state === state ? { done: true } : { seen: JSON.stringify(now) };
          },
          { within: 120_000, every: 1000 },
        );
      const secretOf = { name: "kappa", secrets: ["KEY"], secretValues: { KEY: "a-value" } };
      const refused = await send("POST", "/api/projects", secretOf);
      expect([refused.status, await refused.text()]).toEqual([
        422,
        expect.stringContaining("config set --secret secrets:kappa/KEY"),
      ]);
      const made = await operationOf(await send("POST", "/api/projects", { name: "kappa" }));
      await at(made, "running");
      expect(Object.keys(await world().containers())).not.toContain(world().names.project("kappa"));
      await deploy();
      await at(made, "succeeded");
      await world().answers("kappa");
      const removed = await operationOf(
        await send("DELETE", "/api/projects/kappa?workspace=delete&confirm=kappa"),
      );
      await deploy();
      await at(removed, "succeeded");
      expect(await onHost("ls", "/workspaces")).not.toContain("kappa");
    });

    it("is removed when it is disabled, and leaves its audit log", async () => {
      // An update from a checkout without the panel's last commit would undo it.
      await git("pull", "--quiet", "--ff-only", repository, "main");
      await world().configure("opencode-platform:panel.enabled", "false", { path: true });
      const off = await world().update();
      expect(off.code, off.output.slice(-6000)).toBe(0);
      const left = Object.keys(await world().containers());
      expect(left).not.toContain(world().names.panel);
      expect(left).not.toContain(world().names.project("delta"));
      await waitFor<true>(
        "the plain list of projects",
        async () => {
          const answer = await ask("/projects.json", admin);
          const gone = (await ask("/api/projects", admin)).status;
          return answer.status === 200 && gone === 404
            ? { done: true }
            : { seen: `${answer.status} ${gone}` };
        },
        { within: 60_000, every: 500 },
      );
      expect(await onHost("cat", `${PANEL}/checkout/.runtime/panel/audit.jsonl`)).toContain(admin);
    });
  });
}

/** Moves the stack to another backend, as in docs/deploying.md; the shell then has these variables. */
async function moveState(world: World, variables: Readonly<Record<string, string>>, isNew: boolean) {
  const file = world.path(".state", "moved.json");
  const succeed = async (...args: string[]) => {
    const ran = await world.pulumi(["stack", ...args]);
    if (ran.code !== 0) throw new Error(`stack ${args[0]}: ${ran.output}`);
  };
  await succeed("export", "--show-secrets", "--file", file);
  for (const name of Object.keys(world.shell)) delete world.shell[name];
  Object.assign(world.shell, variables);
  if (isNew) await succeed("init");
  await succeed("import", "--file", file);
  removeFolder(file);
}

async function configurePanel(
  world: World,
  { remote, knownHosts, admins }: { remote: string; knownHosts: string[]; admins: string[] },
): Promise<void> {
  const values = {
    enabled: "true",
    // This checkout has pipelines.
    apply: "here",
    "admins[0]": admins[0] ?? "",
    "git.remote": remote,
    "git.knownHosts[0]": knownHosts[0] ?? "",
  };
  for (const [key, value] of Object.entries(values))
    await world.configure(`opencode-platform:panel.${key}`, value, { path: true });
  const { PULUMI_BACKEND_URL, PULUMI_CONFIG_PASSPHRASE } = world.shell;
  const variables = { PULUMI_BACKEND_URL, PULUMI_CONFIG_PASSPHRASE, NODE_EXTRA_CA_CERTS: "/panel/ca.pem" };
  const lines = Object.entries(variables).map(([name, value]) => `${name}=${value}\n`);
  await world.configure("opencode-platform:panelEnvironment", lines.join(""), { secret: true });
}

/**
 * Downloads of a real droplet's panel: the engine and its plugins; and the authority of the stand-in edge's
 * certificate.
 */
async function bringTools(world: World): Promise<void> {
  const toolchain = process.env.OPENCODE_PLATFORM_TOOLCHAIN ?? "";
  const { container } = world.droplet();
  await world.onDroplet("install", "-d", "-m", "0700", PANEL, `${PANEL}/toolchain`);
  const pack = `tar -C '${toolchain}' -c bin/pulumi bin/pulumi-language-nodejs manifest.json pulumi-home/plugins | docker exec -i ${container} tar -C ${PANEL}/toolchain -x`;
  await must("sh", ["-c", pack], {});
  // By a command inside, as `docker cp` does not see mounts.
  const authorities =
    readFileSync("/etc/ssl/certs/ca-certificates.crt", "utf8") +
    readFileSync(world.cloudflare.caFile, "utf8");
  await must("docker", ["exec", "-i", container, "sh", "-c", `cat > ${PANEL}/ca.pem`], {
    input: authorities,
  });
}
