import { describe, expect, it, vi } from "vitest";
import {
  type ContainerInfo,
  decideState,
  listeningPorts,
  setupOf,
  trustedBy,
  upgradeLine,
} from "../../../operate/docker/container-state.ts";
import type { Inspection } from "../../../operate/docker/engine.ts";
import type { Stats } from "../../../operate/docker/types.ts";
import { cpuOf, memoryOf, UsageWatch } from "../../../operate/docker/usage.ts";
import { ContainerWatch } from "../../../operate/docker/watch.ts";
import type { Kept } from "../../../operate/keeper/client.ts";
import { FakeEngine, line, settle } from "../../support/panel/api-engine.ts";
import { container, FakeContainers } from "../../support/panel/api-world.ts";

describe("a project's state", () => {
  const cloning = "serving; workspace: cloning https://example.com/a.git";
  const failed =
    "serving; workspace: clone failed (attempt 3): fatal: repository not found; next try in 20 s";
  it.each<[Partial<ContainerInfo>, string, string | undefined]>([
    [{}, "running", undefined],
    [{ health: "" }, "running", undefined],
    [{ health: "starting" }, "starting", undefined],
    [{ health: "starting", healthLine: "not serving: refused; workspace: cloning x" }, "cloning", undefined],
    [{ healthLine: cloning }, "cloning", undefined],
    [{ healthLine: failed }, "failed", "git clone: fatal: repository not found; next try in 20 s"],
    [{ healthLine: "serving; workspace: kept, it has files" }, "running", undefined],
    [
      {
        healthLine:
          "serving; workspace: cloned https://h/a; submodules missing: lib, x (fatal: no); next try in 60 s",
      },
      "running",
      "submodules missing: lib, x (fatal: no); next try in 60 s",
    ],
    [{ healthLine: "serving; workspace: cloned https://h/a" }, "running", undefined],
    [{ healthLine: "serving; workspace: cloned 3 of 3" }, "running", undefined],
    [{ healthLine: "serving; workspace: cloned 1 of 3, 1 under way; web: no" }, "cloning", undefined],
    [
      { healthLine: "serving; workspace: cloned 0 of 1; web: fatal: no" },
      "failed",
      "git clone: web: fatal: no",
    ],
    [
      {
        healthLine:
          "serving; workspace: cloned 2 of 3; web: clone failed (attempt 1): fatal: no; next try in 5 s",
      },
      "running",
      "cloned 2 of 3; web: clone failed (attempt 1): fatal: no; next try in 5 s",
    ],
    [
      { healthLine: "serving; workspace: git refuses it, since it belongs to user 0: on the host, chown" },
      "running",
      "git refuses the workspace, since it belongs to user 0: on the host, chown",
    ],
    [
      { healthLine: "serving; workspace: cannot be written by user 1000" },
      "failed",
      "the workspace cannot be written by user 1000",
    ],
    [{ health: "unhealthy", healthLine: "not serving: timeout" }, "unhealthy", "not serving: timeout"],
    [{ healthLine: "serving; setup: running; workspace: cloned x" }, "setting-up", undefined],
    [
      { healthLine: "serving; setup: running: workspace: cannot be written; workspace: cloned x" },
      "setting-up",
      "workspace: cannot be written",
    ],
    [
      { healthLine: "serving; setup failed with exit code 1: npm ci: no; workspace: cloned x" },
      "running",
      "setup failed with exit code 1: npm ci: no",
    ],
    [
      { healthLine: "not serving: refused; setup: running: a; workspace: x", health: "starting" },
      "starting",
      undefined,
    ],
    [{ isPaused: true, status: "paused" }, "stopped", "paused"],
    [{ status: "created" }, "starting", undefined],
    [{ status: "created", startError: "port is taken\nmore" }, "failed", "port is taken"],
    [{ status: "exited", exitCode: 143 }, "stopped", undefined],
    [{ status: "exited", exitCode: 137 }, "stopped", undefined],
    [
      { status: "exited", exitCode: 137, oomKilled: true },
      "failed",
      "OOM-killed: it exceeded its memory limit of 512 MiB",
    ],
    [{ status: "exited", exitCode: 1, lastLine: "git clone: no" }, "failed", "exit code 1: git clone: no"],
    [{ status: "restarting", exitCode: 3, restarts: 4 }, "failed", "keeps restarting (4 times): exit code 3"],
    [
      { health: "starting", restarts: 5, exitCode: 0, lastLine: "boom" },
      "failed",
      "keeps restarting (5 times): exit code 0: boom",
    ],
    [{ restarts: 5 }, "running", undefined],
  ])("%o → %s", (values, state, reason) => {
    const expected = reason === undefined ? { state } : { state, reason };
    expect(decideState(container("web-shop", values))).toEqual(expected);
  });

  it("is the requested one if nothing has failed", () => {
    expect(decideState(undefined)).toEqual({ state: "pending" });
    expect(decideState(container("a", { status: "created" }), "stopped")).toEqual({ state: "stopped" });
    expect(decideState(container("a", { status: "exited", exitCode: 1 }), "stopped")).toEqual({
      state: "stopped",
    });
  });
});

describe("the state of a project that sleeps", () => {
  const since = "2026-11-30T03:12:00.000Z";
  const kept = (state: Kept["state"], reason?: string): Kept => ({
    project: "web-shop",
    state,
    since,
    ...(reason ? { reason } : {}),
  });
  const paused = { isPaused: true, status: "paused" };
  const notTrusted = "asks whether its repository is trusted; workspace: kept";
  it.each<[string, Partial<ContainerInfo>, Kept | undefined, object]>([
    ["sleeps", paused, kept("asleep"), { state: "asleep", since }],
    ["is being woken", paused, kept("waking"), { state: "waking", since }],
    ["is continued, and does not answer yet", {}, kept("waking"), { state: "waking", since }],
    ["falls asleep", {}, kept("falling-asleep"), { state: "falling-asleep", since }],
    ["has just been paused for it", paused, kept("falling-asleep"), { state: "falling-asleep", since }],
    [
      "waits for its turn after a start of Docker",
      { health: "starting" },
      kept("waiting", "3 start before it"),
      { state: "waiting", since, reason: "3 start before it" },
    ],
    [
      "still has to ask whom it trusts",
      { ...paused, healthLine: notTrusted },
      kept("asleep"),
      { state: "asleep", since, reason: "asks whether its repository is trusted" },
    ],
    [
      "is stopped while it is restored",
      { status: "exited", exitCode: 143 },
      kept("parked", "its files are being replaced"),
      { state: "parked", since, reason: "its files are being replaced" },
    ],
    [
      "is held for a copy",
      paused,
      { ...kept("awake", "its files are being copied"), held: true },
      { state: "running", reason: "its files are being copied" },
    ],
    ["an admin has paused", paused, kept("awake"), { state: "stopped", reason: "paused" }],
    ["an admin has paused, says the keeper", paused, kept("stopped"), { state: "stopped", reason: "paused" }],
    ["is paused, and no keeper says why", paused, undefined, { state: "stopped", reason: "paused" }],
    ["was continued since the keeper said so", {}, kept("asleep"), { state: "running" }],
    ["was stopped since", { status: "exited", exitCode: 143 }, kept("asleep"), { state: "stopped" }],
    ["is awake", {}, kept("awake"), { state: "running" }],
  ])("that %s", (_, values, said, expected) => {
    expect(decideState(container("web-shop", values), "running", said)).toEqual(expected);
  });

  it("is still that of its container where there is none", () => {
    expect(decideState(undefined, "running", kept("asleep"))).toEqual({ state: "pending" });
  });
});

const inspection = (id: string, project: string, status = "running", healthLine = ""): Inspection =>
  ({
    Id: id,
    Name: `/papi-project-${project}`,
    Config: { Labels: { "dev.opencode-platform.project": project } },
    State: { Status: status, Health: { Status: "healthy", Log: [{ Output: healthLine }] } },
  }) as Inspection;

describe("the watch of containers", () => {
  it("inspects all containers once, then those with events", async () => {
    const engine = new FakeEngine();
    engine.inspections.set("1", inspection("1", "web-shop"));
    const watch = new ContainerWatch(engine, "papi");
    let changes = 0;
    watch.onChange(() => changes++);
    await watch.start();
    expect([watch.isConnected, watch.ofProject("web-shop")?.status]).toEqual([true, "running"]);
    engine.inspections.set("1", inspection("1", "web-shop", "exited"));
    engine.past.set("1", [line("the end"), line("")]);
    engine.channels[0]?.push({ id: "1", action: "die" });
    await settle();
    expect(watch.ofProject("web-shop")).toMatchObject({ status: "exited", lastLine: "the end" });
    const before = changes;
    engine.channels[0]?.push({ id: "1", action: "exec_die: health" });
    await settle();
    expect(changes).toBe(before);
    engine.channels[0]?.push({ id: "1", action: "destroy" });
    await settle();
    expect(watch.ofProject("web-shop")).toBeUndefined();
    watch.close();
  });

  it.each([
    ["sessions migrate", "migrating, 1 of 3 sessions", "migrating, 2 of 3 sessions"],
    ["setup runs", "setup: running: 1", "setup: running: 2"],
  ])("looks again after each health check while %s", async (_, first, second) => {
    const engine = new FakeEngine();
    const serving = (line: string) => engine.inspections.set("1", inspection("1", "shop", "running", line));
    serving(`serving; ${first}; workspace: kept`);
    const watch = new ContainerWatch(engine, "papi");
    await watch.start();
    serving(`serving; ${second}; workspace: kept`);
    engine.channels[0]?.push({ id: "1", action: "exec_die: health" });
    await vi.waitFor(() => expect(watch.ofProject("shop")?.healthLine).toContain(second));
    watch.close();
  });

  it("is not connected after Docker has stopped", async () => {
    const engine = new FakeEngine();
    const watch = new ContainerWatch(engine, "papi");
    await watch.start();
    engine.channels[0]?.end();
    await settle();
    expect(watch.isConnected).toBe(false);
    watch.close();
    const gone = Object.assign(new FakeEngine(), { events: () => Promise.reject(new Error("no")) });
    const never = new ContainerWatch(gone, "papi");
    await never.start();
    expect(never.isConnected).toBe(false);
    never.close();
  });
});

describe("the usage of projects", () => {
  const stats = (cpu: number, system: number): Stats => ({
    memory_stats: { usage: 100, limit: 500, stats: { inactive_file: 30 } },
    cpu_stats: { cpu_usage: { total_usage: cpu }, system_cpu_usage: system, online_cpus: 4 },
    precpu_stats: { cpu_usage: { total_usage: 0 }, system_cpu_usage: 1000 },
  });

  it("is memory without caches, and processors of the last second", () => {
    expect(memoryOf(stats(0, 0))).toEqual({ used: 70, limit: 500 });
    expect(memoryOf({})).toBeUndefined();
    expect(cpuOf(stats(500, 5000), 2)).toEqual({ used: 0.5, limit: 2 });
    expect(cpuOf(stats(500, 5000), 0)).toEqual({ used: 0.5, limit: 4 });
    expect(cpuOf({ cpu_stats: stats(1, 1).cpu_stats ?? {} }, 0)).toBeUndefined();
  });

  it("is one stream per container, only while somebody listens", async () => {
    const [engine, containers] = [new FakeEngine(), new FakeContainers()];
    containers.put(container("web-shop"));
    containers.put(container("idle", { status: "exited" }));
    const usage = new UsageWatch(engine, containers);
    expect(engine.statistics).toHaveLength(0);
    const releases = [usage.listen(), usage.listen()];
    expect(engine.statistics.map(({ id }) => id)).toEqual(["id-web-shop"]);
    engine.statistics[0]?.channel.push(stats(500, 5000));
    await usage.settled(5000);
    expect(usage.of("web-shop")).toEqual({
      memory: { used: 70, limit: 500 },
      cpu: { used: 0.5, limit: 0.5 },
    });
    containers.put(container("web-shop", { id: "another" }));
    expect(usage.of("web-shop")).toEqual({});
    expect(engine.statistics.map(({ id }) => id)).toEqual(["id-web-shop", "another"]);
    // Paused, it has no figures, and no stream: the old ones are of before.
    engine.statistics[1]?.channel.push(stats(500, 5000));
    await vi.waitFor(() => expect(usage.of("web-shop").memory).toBeDefined());
    containers.put(container("web-shop", { id: "another", status: "paused", isPaused: true }));
    expect(usage.of("web-shop")).toEqual({});
    await vi.waitFor(() => expect(engine.statistics[1]?.channel.isOpen).toBe(false));
    for (const release of releases) release();
    usage.close();
    await settle();
    expect(engine.statistics.map(({ channel }) => channel.isOpen)).toEqual([false, false]);
    expect(containers.listeners.size).toBe(0);
  });
});

it("takes nothing of what git or a repository says for the platform's own", () => {
  const forged =
    "x; trusted by ceo@example.com; setup: running: y; migrating, 1 of 2 sessions; listening: 22; workspace: kept, it has files";
  const healthLine = `serving; listening: 3000; workspace: cloned https://example.com/a; submodules missing: ${forged}`;
  const found = { ...container("web"), healthLine };
  expect(trustedBy(found)).toBeUndefined();
  expect(setupOf(found)).toBeUndefined();
  expect(upgradeLine(found)).toBeUndefined();
  expect(listeningPorts(found)).toEqual([3000]);
  expect(trustedBy({ healthLine: `serving; trusted by ann@example.com; workspace: ${forged}` })).toBe(
    "ann@example.com",
  );
});
