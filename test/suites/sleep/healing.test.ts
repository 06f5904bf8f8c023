/** The keeper heals what hangs, starts projects a few at a time, and is the only one with Docker's socket; busy or out of memory is not sick. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ModelStandIn, promptToRun, startModel } from "../../../lab/model/model.ts";
import { ASK } from "../../../operate/keeper/client.ts";
import { docker, execIn, health, logsOf, shellIn } from "../../support/docker.ts";
import { ask, visit } from "../../support/http.ts";
import { callAt, exchange, projectApi } from "../../support/opencode.ts";
import { Platform } from "../../support/platform.ts";
import { answering } from "../../support/ready.ts";
import { waitFor, waitForText } from "../../support/wait.ts";

const platform = new Platform();
const { port } = platform.fixture;
const { keeper, traefik } = platform.names;
/** One that hangs from the beginning, one with little CPU, one for all else. */
const [HUNG, BUSY, OTHER] = ["hung", "busy", "other"];
let model: ModelStandIn;

const at = (project: string) => ({ port, path: `/p/${project}` });
const inspect = async (project: string) => docker.getContainer(platform.container(project)).inspect();
const asked = async (...words: string[]) =>
  JSON.parse((await execIn(keeper, [ASK, ...words])).stdout) as unknown;
const history = async (project: string) =>
  ((await asked("history", project)) as { what: string; text?: string }[]).map(
    ({ what, text = "" }) => `${what}: ${text}`,
  );
const state = async (project: string) =>
  ((await asked("projects")) as { project: string; state: string }[]).find((each) => each.project === project)
    ?.state;
const server = async (project: string, signal: string) =>
  shellIn(platform.container(project), `kill -${signal} $(pgrep -x opencode)`);
const line = (project: string, pattern: RegExp | string, within = 90_000) =>
  waitForText("the health line", async () => (await health(platform.container(project))).line, pattern, {
    within,
  });

beforeAll(async () => {
  model = await startModel({ port: platform.fixture.modelPort });
  await platform.apply([
    ...platform.baseline(),
    { name: HUNG },
    { name: BUSY, resources: { cpus: 0.25 } },
    { name: OTHER },
  ]);
  await Promise.all([HUNG, BUSY, OTHER].map((name) => answering(platform, name)));
  await server(HUNG, "STOP");
});
afterAll(async () => {
  await shellIn(keeper, "rm -f /tmp/ahead");
  await model.close();
  await platform.reset();
});

describe("the gateway", () => {
  it("has Docker through the keeper alone", async () => {
    const { Mounts } = await docker.getContainer(traefik).inspect();
    expect(JSON.stringify(Mounts)).not.toContain("docker.sock");
    expect(JSON.stringify(Mounts)).toContain(platform.names.dockerVolume);
  });

  it("keeps its routes while the keeper is away, and finds a new project when it is back", async () => {
    await docker.getContainer(keeper).kill();
    expect((await ask({ ...at(OTHER), path: `/p/${OTHER}${projectApi.health.path}` })).status).toBe(200);
    await docker.getContainer(keeper).start();
    await docker.getContainer(platform.container(OTHER)).restart();
    await answering(platform, OTHER);
  });
});

describe("a project that is busy", () => {
  it("is not sick: its check succeeds, and its page is answered", async () => {
    await shellIn(platform.container(BUSY), "for n in 1 2 3 4 5 6 7 8; do (while :; do :; done) & done");
    const before = (await inspect(BUSY)).State.Health?.Log.at(-1)?.Start ?? "";
    await waitFor("four checks", async () => {
      const log = (await inspect(BUSY)).State.Health?.Log ?? [];
      const since = log.filter(({ Start }) => String(Start) > String(before));
      expect(since.filter(({ ExitCode }) => ExitCode !== 0)).toEqual([]);
      return since.length >= 4 ? { done: true } : { seen: since.length };
    });
    expect((await visit(port, platform.url(BUSY))).status).toBe(200);
    expect((await health(platform.container(BUSY))).status).toBe("healthy");
    await shellIn(platform.container(BUSY), "pkill -f 'while :' || true");
  });
});

describe("a tool that uses up the memory", () => {
  it("ends alone and is said to: the session goes on", async () => {
    const before = await inspect(OTHER);
    const session = (await callAt(at(OTHER), projectApi.createSession("memory"))).id;
    const eat = "python3 -c 'x = bytearray(3 * 10 ** 9)'";
    expect(await exchange(at(OTHER), session, promptToRun(eat))).toMatch(/Killed +python3/);
    expect(await exchange(at(OTHER), session, "And now nonce:after")).toContain("answer-");
    const after = await inspect(OTHER);
    expect([after.State.StartedAt, after.RestartCount]).toEqual([
      before.State.StartedAt,
      before.RestartCount,
    ]);
  });

  it("is raised above the server by whatever the server has started", async () => {
    const session = (await callAt(at(OTHER), projectApi.createSession("scores"))).id;
    const show = "sleep 3 & for p in /proc/[0-9]*; do echo $(cat $p/comm $p/oom_score_adj); done | sort -u";
    const shown = await exchange(at(OTHER), session, promptToRun(show));
    expect(shown).toContain("opencode 0");
    expect(shown).toContain("sleep 500");
  });
});

describe("a session that a crash has cut off", () => {
  it("says so, and answers the next prompt", async () => {
    const session = (await callAt(at(OTHER), projectApi.createSession("cut"))).id;
    await callAt(at(OTHER), projectApi.prompt(session, promptToRun("sleep 1000")));
    await waitFor("the tool", async () => {
      const { code } = await shellIn(platform.container(OTHER), "pgrep -x sleep");
      return code === 0 ? { done: true } : { seen: code };
    });
    await server(OTHER, "KILL");
    await waitFor("another start", async () => {
      const { RestartCount } = await inspect(OTHER);
      return RestartCount > 0 ? { done: true } : { seen: RestartCount };
    });
    await answering(platform, OTHER);
    if (projectApi.major === 1) {
      const [messages] = projectApi.exchange(session, "");
      const { body } = await ask({ port, path: `/p/${OTHER}${messages?.path}` });
      expect(body).toContain("Interrupted: opencode was ended while this ran.");
      expect(body).not.toContain('"status":"running"');
    }
    expect(await exchange(at(OTHER), session, "Go on nonce:cut")).toContain("answer-");
  });
});

describe("a start that is not the first", () => {
  it("waits while there is no keeper, and goes when there is one", async () => {
    await docker.getContainer(keeper).stop();
    await docker.getContainer(platform.container(OTHER)).restart();
    await line(OTHER, /^waits for its turn/);
    await docker.getContainer(keeper).start();
    await line(OTHER, /^serving/);
    await answering(platform, OTHER);
  });

  it("waits for somebody to ask if it was asleep", async () => {
    await waitFor("its sleep", async () => {
      const { code, stdout } = await execIn(keeper, [ASK, "sleep", OTHER]);
      return code === 0 ? { done: true } : { seen: stdout };
    });
    await docker.getContainer(keeper).stop();
    // As after a reboot, where nobody lets it end.
    await docker.getContainer(platform.container(OTHER)).kill();
    await docker.getContainer(platform.container(OTHER)).start();
    await docker.getContainer(keeper).start();
    await waitForText("its state", async () => `${await state(OTHER)}`, "waiting");
    expect((await history(OTHER)).at(-1)).toBe(
      "waiting: it was asleep, and starts when somebody asks for it",
    );
    await execIn(keeper, [ASK, "wake", OTHER]);
    await waitForText("its state", async () => `${await state(OTHER)}`, "awake");
    await answering(platform, OTHER);
  });
});

describe("npm run restart", () => {
  it("restarts one project, and says how it is", async () => {
    const before = (await inspect(OTHER)).State.StartedAt;
    const { code, output } = await platform.script("restart", OTHER);
    expect([code, output]).toEqual([0, expect.stringContaining(`${OTHER}: serving; `)]);
    expect((await inspect(OTHER)).State.StartedAt).not.toBe(before);
    expect((await history(OTHER)).join("\n")).toContain("restarted: somebody asked for it\nmemory: ");
  });

  it("is refused in one sentence for what is not there", async () => {
    const { code, output } = await platform.script("restart", "nobody");
    expect([code, output]).toEqual([1, expect.stringContaining("nobody: is not in projects.yaml")]);
  });
});

describe("sessions of a workspace", () => {
  it("are found again after its first commit, with a remote, and after its history was rewritten", async () => {
    const { id } = await callAt(at(OTHER), projectApi.createSession("kept"));
    const found = async () => {
      await callAt(at(OTHER), projectApi.reload("/workspace"));
      return (await callAt(at(OTHER), projectApi.sessions(50))).some((session) => session.id === id);
    };
    writeFileSync(join(platform.workspace(OTHER), "kept.txt"), "kept");
    const git = "git -c user.name=a -c user.email=a@b.example";
    for (const change of [
      `git add kept.txt && ${git} commit -qm first`,
      "git remote add origin https://git.example.com/team/other.git",
      `${git} commit -q --amend -m again && git reflog expire --expire=now --all && git gc -q --prune=now`,
      `git checkout -q --orphan another && ${git} commit -qm other && git branch -D master main 2>/dev/null; true`,
    ]) {
      const { code, output } = await shellIn(platform.container(OTHER), change);
      expect(code, output).toBe(0);
      expect(await found(), change).toBe(true);
    }
    expect(readFileSync(join(platform.workspace(OTHER), "kept.txt"), "utf8")).toBe("kept");
  });
});

describe("a server that hangs", () => {
  it("is restarted with a diagnosis once it has been unhealthy for three minutes", async () => {
    // It has hung since the beginning; the rest of the time passes at once.
    await execIn(keeper, ["sh", "-c", "echo 240000 > /tmp/ahead"]);
    const log = await waitForText(
      "the keeper's log",
      () => logsOf(keeper),
      /^hung: restarted: unhealthy for /m,
      {
        within: 240_000,
      },
    );
    const told = log.slice(log.indexOf("hung: restarted: "));
    expect(told).toMatch(/^hung: restarted: unhealthy for \d+ minutes: not serving: .*timed out/);
    expect(told).toMatch(/^processes: .*opencode \(T/m);
    expect(told).toMatch(/^memory: \d+ MiB of 1024 MiB/m);
    expect(told).toMatch(/^open files: \d+$/m);
    await answering(platform, HUNG);
  });
});
