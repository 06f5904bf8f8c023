/** Both majors on one platform, and a project that goes from one to the other and back. */
import { readFileSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { OPENCODE } from "../../../config/versions.ts";
import { type AgentRules, apiFor, type Call, type OpencodeApi } from "../../../opencode/api/index.ts";
import { docker, health, shellIn } from "../../support/docker.ts";
import { ask } from "../../support/http.ts";
import { callAt, RELEASE } from "../../support/opencode.ts";
import { type Entry, Platform } from "../../support/platform.ts";
import { must, type Ran } from "../../support/run.ts";
import { waitFor } from "../../support/wait.ts";

const platform = new Platform();
const { port } = platform.fixture;
const SESSIONS = 300;
const first = { api: apiFor(OPENCODE), version: OPENCODE };
const second = { api: apiFor(RELEASE), version: RELEASE };

const on1 = (name: string, more: object = {}): Entry => ({ name, opencode: { version: OPENCODE }, ...more });
const on2 = (name: string, more: object = {}): Entry => ({ name, opencode: { version: RELEASE }, ...more });
const call = <Result>(project: string, made: Call<Result>) => callAt({ port, path: `/p/${project}` }, made);
const release = (...args: string[]): Promise<Ran> => platform.script("opencode", ...args);
const entries = () => readFileSync(platform.path("projects.yaml"), "utf8");

/** Waits until a project's server of a major answers. */
const answers = (project: string, { api, version }: { api: OpencodeApi; version: string }) =>
  waitFor(`${project} on ${version}`, () =>
    call(project, api.health).then(
      (found) => (found.version === version ? { done: true as const } : { seen: found }),
      (error: Error) => ({ seen: error.message }),
    ),
  );

const titles = async (project: string, api: OpencodeApi) =>
  (await call(project, api.sessions(1000))).map(({ title }) => title).sort();

/** Every endpoint that the platform calls, with `*` for values in the path. */
function endpointsOf(api: OpencodeApi): string[] {
  const value = "VALUE";
  const calls: Pick<Call<unknown>, "method" | "path">[] = [
    api.health,
    api.sessions(1),
    api.createSession(),
    api.prompt(value, "text"),
    ...api.exchange(value, "text"),
    api.busy,
    ...(api.migration ? [api.migration] : []),
    { method: "GET", path: api.eventsPath },
    api.createTerminal("bash"),
    { method: "GET", path: api.terminalPath(value) },
    api.removeTerminal(value),
    api.directory,
    api.readFile(value),
    api.settings,
    api.agents,
    api.reload("/workspace"),
  ];
  return calls.map(({ method, path }) => `${method} ${path.replace(/\?.*$/, "").replaceAll(value, "*")}`);
}

/** What an agent may do with a shell and with files; the last rule counts. */
function effectsOf(agents: readonly AgentRules[], agent: string): string {
  const rules = agents.find(({ name }) => name === agent)?.rules ?? [];
  const last = (...tools: string[]) => rules.findLast(({ tool }) => tools.includes(tool))?.effect;
  return `${last("bash", "shell")}, ${last("edit")}`;
}

async function makeSessions(project: string, count: number): Promise<string[]> {
  const names = Array.from({ length: count }, (_, index) => `session ${String(index).padStart(3, "0")}`);
  const rest = [...names];
  const worker = async () => {
    for (let name = rest.shift(); name; name = rest.shift())
      await call(project, first.api.createSession(name));
  };
  await Promise.all(Array.from({ length: 8 }, worker));
  return names;
}

describe("both majors on one platform", () => {
  beforeAll(async () => {
    const enforce = { permission: { bash: "ask", edit: "deny" } };
    await platform.apply(
      [on1("old"), on2("new")].map(({ opencode, ...entry }) => ({
        ...entry,
        opencode: { ...(opencode as object), enforce },
      })),
    );
    await Promise.all([answers("old", first), answers("new", second)]);
  });

  it("serve, each with its own release, API and password", async () => {
    expect(await call("old", first.api.directory)).toBe("/workspace");
    expect(await call("new", second.api.directory)).toBe("/workspace");
    await expect(call("new", first.api.health)).rejects.toThrow("answers HTML");
    for (const name of ["old", "new"])
      expect((await health(platform.container(name))).line).toMatch(/^serving; workspace: /);
  });

  it("have an image each, of the release", async () => {
    const imageOf = async (name: string) =>
      (await docker.getContainer(platform.container(name)).inspect()).Config.Image;
    expect(await imageOf("old")).toContain(`:${OPENCODE}-`);
    expect(await imageOf("new")).toContain(`:${RELEASE}-`);
  });

  it.each([
    ["old", first],
    ["new", second],
  ] as const)("describe every endpoint that the platform calls, in %s", async (name, { api }) => {
    const { body } = await ask({ port, path: `/p/${name}${api.descriptionPath}` });
    const { paths } = JSON.parse(body) as { paths: Record<string, Record<string, unknown>> };
    const described = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map(
        (method) => `${method.toUpperCase()} ${path.replaceAll(/\{[^}]+\}|\*/g, "*")}`,
      ),
    );
    const missing = endpointsOf(api).filter((endpoint) => !described.includes(endpoint));
    expect(missing).toEqual([]);
    expect(endpointsOf(api).length).toBeGreaterThan(12);
  });

  it("are listed, with a command for the terminal that fits", async () => {
    const { output } = await release();
    expect(output).toMatch(new RegExp(`^old +${OPENCODE}$`, "m"));
    expect(output).toMatch(new RegExp(`^new +${RELEASE}$`, "m"));
  });

  it.each([
    ["old", first],
    ["new", second],
  ] as const)(
    "hold what the platform enforces in %s against what its workspace says",
    async (name, { api }) => {
      const permission = { bash: "allow", edit: "allow" };
      const wrong = JSON.stringify({
        share: "auto",
        autoupdate: true,
        permission,
        agent: Object.fromEntries(api.builtInAgents.map((agent) => [agent, { permission }])),
      });
      writeFileSync(`${platform.workspace(name)}/opencode.json`, wrong);
      await shellIn(
        platform.container(name),
        `mkdir -p /workspace/.opencode && cp /workspace/opencode.json /workspace/.opencode/`,
      );
      await call(name, api.reload("/workspace"));
      const settings = await call(name, api.settings);
      expect(settings).toMatchObject(api.enforced({}));
      // A reloaded directory of 2.x has its agents, and then their permissions, a moment later.
      await waitFor<true>(`what is enforced for the agents of ${name}`, async () => {
        const agents = await call(name, api.agents);
        const seen = api.builtInAgents.map((agent) => effectsOf(agents, agent));
        return seen.every((effects) => effects === "ask, deny") ? { done: true } : { seen };
      });
    },
  );

  it("change nothing in a second update", async () => {
    expect((await platform.update()).changes).toEqual([]);
  });
});

describe("a project with sessions", () => {
  let made: string[] = [];

  beforeAll(async () => {
    await platform.apply([on1("shop"), on1("other")]);
    await answers("shop", first);
    made = await makeSessions("shop", SESSIONS);
  });
  afterAll(() => platform.reset());

  it("refuses a release that the platform does not pin, and changes nothing", async () => {
    const before = entries();
    const { code, output } = await release("upgrade", "shop", "9.9.9");
    expect(code).toBe(1);
    expect(output).toContain("is not a release of opencode that this version of the platform pins");
    expect(entries()).toBe(before);
  });

  it("finds its sessions after the upgrade, and its neighbour is left alone", async () => {
    const ids = await platform.ids();
    const { code, output } = await release("upgrade", "shop", RELEASE);
    expect(output).toContain(`shop: upgraded from ${OPENCODE}`);
    expect(code).toBe(0);
    await answers("shop", second);
    expect(await titles("shop", second.api)).toEqual(made);
    expect((await platform.ids())[platform.container("other")]).toBe(ids[platform.container("other")]);
    expect((await platform.update()).changes).toEqual([]);
  });

  it("goes back with the sessions that it had, and names those it leaves behind", async () => {
    await call("shop", second.api.createSession("made on 2"));
    const { code, output } = await release("rollback", "shop", "--yes");
    expect(output).toContain(`shop goes back to opencode ${OPENCODE}`);
    expect(output).toContain("left behind: made on 2");
    expect(code).toBe(0);
    await answers("shop", first);
    expect(await titles("shop", first.api)).toEqual(made);
  });

  it("begins the migration again after a kill -9 in the middle, from the copy", async () => {
    const upgrading = release("upgrade", "shop", RELEASE);
    const container = platform.container("shop");
    const pid = await waitFor("the migration to begin", async () => {
      const { stdout } = await must("docker", ["logs", "--tail", "20", container]).catch(() => ({
        stdout: "",
      }));
      const { Pid } =
        (
          await docker
            .getContainer(container)
            .inspect()
            .catch(() => undefined)
        )?.State ?? {};
      return /\[upgrade\] upgrading from/.test(stdout) && Pid ? { done: Pid } : { seen: stdout };
    });
    process.kill(Number(pid), "SIGKILL");
    const { code, output } = await upgrading;
    expect(output).toContain("attempt 2");
    expect(code).toBe(0);
    await answers("shop", second);
    expect(await titles("shop", second.api)).toEqual(made);
    await platform.apply([on1("shop"), on1("other")]);
    await answers("shop", first);
    expect(await titles("shop", first.api)).toEqual(made);
  });

  it("is followed at its next start if it was given another release while it was stopped", async () => {
    await platform.apply([on2("shop", { state: "stopped" }), on1("other")]);
    platform.write([on2("shop"), on1("other")]);
    const { code, output } = await platform.update();
    expect(output).toContain(`shop: upgraded from ${OPENCODE}`);
    expect(code).toBe(0);
    await answers("shop", second);
    expect(await titles("shop", second.api)).toEqual(made);
  });
});

describe("a disk without room for the copy", () => {
  const home = platform.home("full");

  afterAll(async () => {
    await platform.reset();
    await must("umount", [home]).catch(() => {});
  });

  it("takes the project back to its release and sessions by itself, and says so", async () => {
    await must("mkdir", ["-p", home]);
    await must("mount", ["-t", "tmpfs", "-o", "size=48m", "tmpfs", home]);
    await platform.apply([on1("full")]);
    await answers("full", first);
    const made = await makeSessions("full", 5);
    // A server that ends empties its journal into the database, which makes room: only after that is the disk filled.
    await docker.getContainer(platform.container("full")).restart();
    await answers("full", first);
    // Written down a moment after that.
    await waitFor<true>("the release of its sessions", async () => {
      const file = "~/.local/share/opencode-platform/release";
      const { stdout: seen } = await shellIn(platform.container("full"), `cat ${file} 2>&1`);
      return seen.trim() === OPENCODE ? { done: true } : { seen };
    });
    await shellIn(platform.container("full"), "dd if=/dev/zero of=$HOME/filler bs=4k 2>/dev/null; true");
    const { code, output } = await release("upgrade", "full", RELEASE);
    expect(output).toContain(
      `full went back to opencode ${OPENCODE}, with its sessions as they were: no room`,
    );
    expect(code).toBe(1);
    expect(entries()).toContain(`version: ${OPENCODE}`);
    await answers("full", first);
    expect(await titles("full", first.api)).toEqual(made);
  });
});
