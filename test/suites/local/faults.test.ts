import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { docker, execIn } from "../../support/docker.ts";
import { locks, pendingOperations, startUpdate } from "../../support/engine.ts";
import { ask, visit } from "../../support/http.ts";
import { callAt, PROTECTED_PATH, projectApi } from "../../support/opencode.ts";
import { type Entry, Platform } from "../../support/platform.ts";
import { answering } from "../../support/ready.ts";
import { must, run } from "../../support/run.ts";
import { waitFor } from "../../support/wait.ts";

const platform = new Platform();
const { port } = platform.fixture;
const delta: Entry = { name: "delta" };
const container = platform.container("alpha");
const stateOf = async (name: string) => docker.getContainer(name).inspect();

describe("faults", () => {
  beforeAll(async () => {
    await platform.reset();
    for (const name of ["alpha", "beta"]) await answering(platform, name);
  });

  afterAll(async () => {
    await platform.npm("start");
    await platform.reset();
  });

  describe("the engine is killed in mid-update", () => {
    const moments: Record<string, () => Promise<boolean>> = {
      "while the state has an operation under way": async () => pendingOperations(platform).length > 0,
      "when the container exists": async () =>
        Object.hasOwn(await platform.ids(), platform.container("delta")),
    };
    for (const [moment, reached] of Object.entries(moments)) {
      it(`${moment}: npm start explains the lock, and converges`, async () => {
        await platform.reset();
        platform.write([...platform.baseline(), delta]);
        const underway = await startUpdate(platform);
        await waitFor(moment, async () => ((await reached()) ? { done: true } : { seen: "not yet" }), {
          every: 20,
        });
        process.kill(underway.pid, "SIGKILL");
        expect((await underway.ended()).code).not.toBe(0);
        expect(locks(platform)).toHaveLength(1);

        const { code, output } = await platform.npm("start");
        expect(code, output).toBe(0);
        expect(output).toMatch(
          new RegExp(`The last update was interrupted \\(process ${underway.pid} of .*lock is removed`),
        );
        expect(locks(platform)).toEqual([]);
        expect(pendingOperations(platform)).toEqual([]);
        await answering(platform, "delta");
        const again = await platform.update();
        expect(again.changes, again.output).toEqual([]);
        expect(again.output).not.toMatch(/pending|interrupted/i);
        expect(await pluginProcesses()).toEqual([]);
      });
    }

    it("respects the lock of a running update, and names its holder", async () => {
      platform.write([...platform.baseline(), { ...delta, env: { ROUND: "2" } }]);
      const underway = await startUpdate(platform);
      process.kill(underway.pid, "SIGSTOP");
      try {
        const second = await platform.npm("start");
        expect(second.code).not.toBe(0);
        expect(second.output).toContain(`process ${underway.pid} of`);
        expect(second.output).toContain("is updating it");
        expect(locks(platform)).toHaveLength(1);
      } finally {
        process.kill(underway.pid, "SIGCONT");
      }
      expect(await underway.ended()).toMatchObject({ code: 0 });
      await platform.reset();
    });
  });

  it("opencode is killed in its container: it restarts, with its sessions", async () => {
    await callAt({ port, path: "/p/alpha" }, projectApi.createSession("before the crash"));
    const { State, RestartCount } = await stateOf(container);
    await execIn(container, ["bash", "-c", "kill -9 $(pgrep -xo opencode)"]);
    await waitFor("a restart", async () => {
      const now = await stateOf(container);
      const restarted = now.RestartCount > RestartCount && now.State.StartedAt !== State.StartedAt;
      return restarted ? { done: true } : { seen: now.State };
    });
    await answering(platform, "alpha");
    expect((await ask({ port, path: `/p/alpha${PROTECTED_PATH}` })).body).toContain("before the crash");
  });

  it("a container is stopped by a kill: its URL reports it, and npm start starts it again", async () => {
    const before = await platform.ids();
    await docker.getContainer(container).kill();
    await waitFor("the plain page", async () => {
      const { status, body } = await visit(port, platform.url("alpha"));
      return status === 503 && body.includes("npm run doctor")
        ? { done: true }
        : { seen: `${status} ${body}` };
    });
    const doctor = await platform.script("doctor");
    expect(doctor.code).not.toBe(0);
    expect(doctor.output).toContain("alpha");
    const { code, output } = await platform.npm("start");
    expect(code, output).toBe(0);
    await answering(platform, "alpha");
    expect(await platform.ids()).toEqual(before);
  });

  it("a container is removed by hand: npm start creates a new one, and touches no other", async () => {
    const before = await platform.ids();
    await docker.getContainer(container).remove({ force: true });
    const { code, output } = await platform.npm("start");
    expect(code, output).toBe(0);
    await answering(platform, "alpha");
    expect({ ...(await platform.ids()), [container]: "new" }).toEqual({ ...before, [container]: "new" });
    expect((await ask({ port, path: `/p/alpha${PROTECTED_PATH}` })).body).toContain("before the crash");
    expect((await platform.update()).changes).toEqual([]);
  });

  it("the port is in use: the error names it and its setting, and nothing is changed", async () => {
    const taken = await occupy();
    const before = await platform.ids();
    await platform.configure("opencode-platform:port", String(taken.port));
    try {
      for (const attempt of [await platform.update(), await platform.npm("start")]) {
        expect(attempt.code).not.toBe(0);
        expect(attempt.output).toContain(
          `opencode-platform:port: port ${taken.port} on 127.0.0.1 is in use by another program`,
        );
        expect(attempt.output).toContain("npm run pulumi -- config set opencode-platform:port");
      }
      expect(await platform.ids()).toEqual(before);
    } finally {
      taken.server.close();
      await platform.configure("opencode-platform:port", String(port));
    }
    expect((await platform.update()).changes).toEqual([]);
    await answering(platform, "alpha");
  });

  // A Docker Engine that something else started is not restarted, as other containers would stop.
  it.skipIf(ownEngine() === undefined)(
    "Docker is restarted: all projects restart automatically",
    async () => {
      const before = await platform.ids();
      const pid = ownEngine() as number;
      process.kill(pid, "SIGTERM");
      await waitFor("the Engine to end", () =>
        isRunning(pid) ? { seen: `process ${pid}` } : { done: true },
      );
      const { code, output } = await platform.npm("start");
      expect(code, output).toBe(0);
      // Nothing to update: the Engine's restart policy has already restarted them.
      expect(output).toContain("No changes");
      for (const name of ["alpha", "beta"]) await answering(platform, name);
      expect(await platform.ids()).toEqual(before);
    },
  );
});

/** Process of the Docker Engine, if this toolchain started it. */
function ownEngine(): number | undefined {
  const toolchain = process.env.OPENCODE_PLATFORM_TOOLCHAIN ?? platform.path(".toolchain");
  try {
    const { pid } = JSON.parse(readFileSync(join(toolchain, "dockerd.json"), "utf8")) as { pid: number };
    return isRunning(pid) ? pid : undefined;
  } catch {
    return undefined;
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}

/** Running plugins that an update of the clone started. */
async function pluginProcesses(): Promise<string[]> {
  const { stdout } = await must("ps", ["-eo", "pid,args"]);
  const plugins = stdout.split("\n").filter((line) => /pulumi-(resource|language)-/.test(line));
  const own: string[] = [];
  for (const line of plugins) {
    const pid = line.trim().split(/\s+/)[0];
    const { stdout: environ } = await run("cat", [`/proc/${pid}/environ`]);
    if (environ.includes(platform.fixture.root)) own.push(line);
  }
  return own;
}

function occupy(): Promise<{ server: Server; port: number }> {
  const server = createServer();
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () =>
      resolve({ server, port: (server.address() as { port: number }).port }),
    );
  });
}
