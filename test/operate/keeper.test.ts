/** The client of the keeper over either kind of Docker client, and what is built on it. */
import { afterEach, describe, expect, it, vi } from "vitest";
import type { RunDocker } from "../../operate/docker/containers.ts";
import { wakeFirst } from "../../operate/keeper/awake.ts";
import { ASK, type KeeperAnswer, type Kept, makeKeeper } from "../../operate/keeper/client.ts";
import { KeeperWatch } from "../../operate/keeper/watch.ts";
import { dockerOver } from "../../panel/server/platform/docker-client.ts";
import { FakeEngine } from "../support/panel/api-engine.ts";
import { container, FakeContainers } from "../support/panel/api-world.ts";

const since = "2026-11-30T03:12:00.000Z";
const kept = (state: Kept["state"], project = "shop"): Kept => ({ project, state, since });

describe("the keeper's client", () => {
  const answering = (stdout: unknown, code: number | null = 0, stderr = "") => {
    const asked: unknown[] = [];
    const run: RunDocker = async (args) => {
      asked.push(args);
      return { code, stdout: typeof stdout === "string" ? stdout : JSON.stringify(stdout), stderr };
    };
    return { keeper: makeKeeper(run, "t-keeper"), asked };
  };

  it("asks by docker exec, over the panel's socket too", async () => {
    const engine = new FakeEngine();
    engine.answer = () => ({ code: 0, stdout: JSON.stringify([kept("asleep")]), stderr: "" });
    const { keeper, asked } = answering({ state: "awake" });
    expect(await makeKeeper(dockerOver(engine), "t-keeper").projects()).toEqual({
      kind: "answered",
      value: [kept("asleep")],
    });
    expect(engine.commands).toEqual([["t-keeper", ASK, "projects"]]);
    for (const act of ["wake", "sleep", "restart"] as const)
      expect(await keeper[act]("shop")).toEqual({ kind: "answered", value: "awake" });
    expect(asked).toEqual(["wake", "sleep", "restart"].map((act) => ["exec", "t-keeper", ASK, act, "shop"]));
  });

  it("skips what a newer keeper says in another way, and takes nothing that a terminal obeys", async () => {
    const { keeper } = answering([
      { ...kept("asleep"), reason: "idle\u001b[31m", more: 1 },
      { ...kept("awake", "held"), held: true },
      { ...kept("parked", "d"), held: "perhaps" },
      { project: "b", state: "dreaming", since },
      { project: "c", state: "awake", since: "yesterday" },
      null,
    ]);
    expect(await keeper.projects()).toEqual({
      kind: "answered",
      value: [
        { ...kept("asleep"), reason: "idle" },
        { ...kept("awake", "held"), held: true },
        kept("parked", "d"),
      ],
    });
  });

  it("reads a history, whose texts may have a diagnosis in further lines", async () => {
    const { keeper } = answering([
      { at: since, what: "asleep", text: "5 MiB in RAM, 438 MiB in swap" },
      { at: since, what: "healed", text: "unhealthy for 3 min\na\n\nb\u0007\n" },
      { at: since, what: "healed", diagnosis: ["a"], text: 3 },
      { what: "no time" },
    ]);
    expect(await keeper.history("shop")).toEqual({
      kind: "answered",
      value: [
        { at: since, what: "asleep", text: "5 MiB in RAM, 438 MiB in swap" },
        { at: since, what: "healed", text: "unhealthy for 3 min", diagnosis: ["a", "b"] },
        { at: since, what: "healed", diagnosis: ["a"] },
      ],
    });
  });

  it.each<[string, Parameters<typeof answering>, string, string]>([
    ["refuses", [{ error: "a session is busy" }, 1], "refused", "a session is busy"],
    ["refuses without a word", [{ error: "" }, 1], "refused", "the keeper gives no reason"],
    ["is not there", ["", 1, "Error: No such container: t-keeper"], "missing", "the keeper is not running"],
    ["is stopped", ["", 1, "container 4f is not running"], "missing", "the keeper is not running"],
    ["is stopped, by the API", ["", 1, "container stopped/paused"], "missing", "the keeper is not running"],
    [
      "is of a release without it",
      ["", 127, 'OCI runtime exec failed: exec: "ask": no such file or directory'],
      "missing",
      "the keeper is not running",
    ],
    ["does not end", ["", null, ""], "silent", "the keeper is not responding"],
    ["has died", [{ error: "The keeper does not answer." }, 1], "silent", "the keeper is not responding"],
    ["answers nonsense", ["<html>", 0], "silent", "the keeper is not responding"],
    ["answers nothing", ["", 0], "silent", "the keeper is not responding"],
    ["fails without a word", ["", 1, ""], "silent", "the keeper is not responding"],
  ])("says of a keeper that %s", async (_, given, kind, reason) => {
    expect(await answering(...given).keeper.sleep("shop")).toEqual({ kind, reason });
  });

  it("is silent where Docker can't be asked", async () => {
    const run = () => Promise.reject(new Error("ssh: connect to host: refused"));
    expect((await makeKeeper(run, "t-keeper").projects()).kind).toBe("silent");
  });
});

describe("before something is done in a container", () => {
  const host = (status: string, answer: KeeperAnswer<"awake">) => {
    const woken: string[] = [];
    const engine = new FakeEngine();
    engine.inspections.set("1", {
      Id: "1",
      Name: "/t-project-shop",
      Config: { Labels: { "dev.opencode-platform.project": "shop" } },
      State: { Status: status },
    });
    const keeper = {
      wake: async (project: string) => {
        woken.push(project);
        return answer;
      },
    };
    return { woken, wake: () => wakeFirst({ run: dockerOver(engine), prefix: "t", keeper }, "shop") };
  };
  const missing = { kind: "missing", reason: "the keeper is not running" } as const;

  it("its project is woken", async () => {
    const { wake, woken } = host("paused", { kind: "answered", value: "awake" });
    await wake();
    expect(woken).toEqual(["shop"]);
  });

  it("nothing is in the way of a stack without a keeper, or of one that is stopped", async () => {
    await host("running", missing).wake();
    await host("exited", { kind: "refused", reason: "shop is stopped" }).wake();
  });

  it("a container that stays paused is a mistake with a fix", async () => {
    await expect(host("paused", missing).wake()).rejects.toThrow(
      "shop: is paused and can't be woken: the keeper is not running — docker unpause t-project-shop, on its host",
    );
  });
});

describe("the watch of who sleeps", () => {
  const closing: (() => void)[] = [];
  afterEach(() => {
    for (const close of closing.splice(0)) close();
  });

  /** A keeper with the given answers, the last of them for ever. */
  function watched(answers: KeeperAnswer<readonly Kept[]>[], slowMs = 3_600_000) {
    const containers = new FakeContainers();
    let asked = 0;
    const projects = async () => answers[Math.min(asked++, answers.length - 1)] ?? silent;
    const watch = new KeeperWatch({ projects }, containers, { fastMs: 1, slowMs });
    closing.push(() => watch.close());
    return { watch, containers, asked: () => asked };
  }
  const silent = { kind: "silent", reason: "the keeper is not responding" } as const;
  const answer = (...value: Kept[]) => ({ kind: "answered", value }) as const;

  it("asks nobody while nobody listens, and once for a list", async () => {
    const { watch, containers, asked } = watched([answer(kept("asleep"))]);
    containers.put(container("shop"));
    expect([asked(), watch.of("shop")]).toEqual([0, undefined]);
    await watch.settled(10_000);
    expect([asked(), watch.of("shop")?.state]).toEqual([1, "asleep"]);
  });

  it("asks again while a project is on its way, and when a container was paused or continued", async () => {
    const { watch, containers, asked } = watched([
      answer(kept("falling-asleep")),
      answer(kept("falling-asleep")),
      answer(kept("asleep")),
      answer(kept("awake")),
    ]);
    containers.put(container("shop"));
    watch.listen();
    await vi.waitFor(() => expect(watch.of("shop")?.state).toBe("asleep"));
    const before = asked();
    containers.put(container("shop", { status: "paused", isPaused: true }));
    await vi.waitFor(() => expect(watch.of("shop")?.state).toBe("awake"));
    expect(before).toBe(3);
    // A health check is no reason.
    const then = asked();
    containers.put(container("shop", { status: "paused", isPaused: true, healthLine: "other" }));
    expect(asked()).toBe(then);
  });

  it("knows without the keeper only who slept, and says what is wrong", async () => {
    const { watch } = watched([answer(kept("asleep"), kept("waking", "docs")), silent], 1);
    const release = watch.listen();
    await vi.waitFor(() => expect(watch.problem).toBe("the keeper is not responding"));
    expect([watch.of("shop")?.state, watch.of("docs")]).toEqual(["asleep", undefined]);
    release();
  });

  it("asks no more once nobody listens", async () => {
    const { watch, containers } = watched([answer(kept("waking"))]);
    const release = watch.listen();
    await vi.waitFor(() => expect(watch.of("shop")).toBeDefined());
    release();
    release();
    expect(containers.listeners.size).toBe(0);
  });

  it("has an answer from after a container was paused, before that is shown", async () => {
    const containers = new FakeContainers();
    containers.put(container("shop"));
    const asked: ((answer: KeeperAnswer<readonly Kept[]>) => void)[] = [];
    const projects = () => new Promise<KeeperAnswer<readonly Kept[]>>((resolve) => asked.push(resolve));
    const watch = new KeeperWatch({ projects }, containers, { fastMs: 3_600_000 });
    closing.push(watch.listen());
    containers.put(container("shop", { status: "paused", isPaused: true }));
    let isCaughtUp = false;
    const caughtUp = watch.caughtUp(60_000).then(() => {
      isCaughtUp = true;
    });
    // Of before the pause.
    asked[0]?.(answer(kept("awake")));
    await vi.waitFor(() => expect(asked).toHaveLength(2));
    expect(isCaughtUp).toBe(false);
    asked[1]?.(answer(kept("asleep")));
    await caughtUp;
    expect(watch.of("shop")?.state).toBe("asleep");
    await watch.caughtUp(60_000);
    expect(asked).toHaveLength(2);
  });

  it("does not wait longer than told", async () => {
    const containers = new FakeContainers();
    containers.put(container("shop"));
    const watch = new KeeperWatch({ projects: () => new Promise<never>(() => {}) }, containers);
    await watch.settled(1);
    closing.push(watch.listen());
    containers.put(container("shop", { status: "paused", isPaused: true }));
    await watch.caughtUp(1);
    await watch.settled(1);
    expect(watch.of("shop")).toBeUndefined();
  });
});
