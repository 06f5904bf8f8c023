/** What the keeper does about a project, in order and when something comes in between. */
import { describe, expect, it } from "vitest";
import { asleep, isPaused, said, settled, started, stateOf } from "../../support/opencode/keeper-states.ts";
import {
  configOf,
  containerOf,
  HALF_HOUR,
  idle,
  makeMachine,
  PROJECT,
} from "../../support/opencode/keeper-world.ts";

describe("falling asleep", () => {
  it("leads requests to the waker, lets those under way end, asks once more, pauses, and moves the memory", async () => {
    const { machine, keeper, steps } = await started();
    steps.length = 0;
    await keeper.sleep(PROJECT);
    const order = ["mark", "route", "queues", "observe", "pause", "queues", "toSwap"];
    let at = -1;
    for (const step of order) {
      const next = steps.indexOf(step, at + 1);
      expect([step, next > at]).toEqual([step, true]);
      at = steps.lastIndexOf(step) > next && step !== "queues" ? steps.lastIndexOf(step) : next;
    }
    expect(machine.swaps).toBe(true);
    expect(machine.marks.get(PROJECT)?.text).toBe('{"url":"http://172.28.0.2/asleep"}\n');
  });

  it("happens by itself when nobody has used it for as long as its entry says", async () => {
    const { machine, keeper } = await started();
    await keeper.considerAll();
    await settled(keeper);
    expect([stateOf(keeper), isPaused(machine)]).toEqual(["asleep", true]);
  });

  it.each([
    ["it was used", { seen: idle({ lastActivity: idle().now - 60_000 }) }],
    ["an agent works", { seen: idle({ busy: 1 }) }],
    ["a session waits for an answer", { seen: idle({ pending: 1 }) }],
    ["a program runs in a terminal", { seen: idle({ terminals: 1 }) }],
    ["a port was asked", { seen: idle({ ports: idle().now - 60_000 }) }],
    ["it says nothing", { seen: undefined }],
    ["it never sleeps", { configs: new Map([[PROJECT, configOf(PROJECT, { sleep: null })]]) }],
  ])("does not happen by itself when %s", async (_why, others) => {
    const { machine, keeper } = await started({ ...makeMachine(), ...others });
    await keeper.considerAll();
    await settled(keeper);
    expect([stateOf(keeper), machine.marks.size]).toEqual(["awake", 0]);
  });

  it("is refused to a person with the reason while an agent works, and not for lack of time", async () => {
    const { machine, keeper } = await started({ ...makeMachine(), seen: idle({ busy: 1 }) });
    await expect(keeper.sleep(PROJECT)).rejects.toThrow(/^it .*session/);
    machine.seen = idle({ lastActivity: idle().now - 1 });
    await keeper.sleep(PROJECT);
    expect(isPaused(machine)).toBe(true);
  });

  it("is given up when the gateway does not switch, and its own routes are back", async () => {
    const { machine, keeper } = await started({ ...makeMachine(), isGatewayStuck: true });
    await expect(keeper.sleep(PROJECT)).rejects.toThrow(
      "the gateway does not lead its requests to the waker",
    );
    expect([stateOf(keeper), isPaused(machine), machine.marks.size]).toEqual(["awake", false, 0]);
  });

  it("is given up while a request is under way", async () => {
    const { machine, keeper } = await started();
    machine.queues = { unread: 0, unsent: 4096, connections: 0 };
    await expect(keeper.sleep(PROJECT)).rejects.toThrow("a request is under way");
    expect([isPaused(machine), machine.marks.size]).toEqual([false, 0]);
  });

  it("is taken back when something has come at the last moment", async () => {
    const machine = makeMachine();
    const { keeper } = await started(machine);
    // Nothing until it is paused.
    Object.defineProperty(machine, "queues", {
      get: () => ({ unread: isPaused(machine) ? 7 : 0, unsent: 0, connections: 0 }),
    });
    await expect(keeper.sleep(PROJECT)).rejects.toThrow("a request came at the last moment");
    await settled(keeper);
    expect([stateOf(keeper), isPaused(machine), machine.marks.size]).toEqual(["awake", false, 0]);
  });

  it("ends when somebody asks for the project, who is answered", async () => {
    const { machine, keeper } = await started();
    const slept = expect(keeper.sleep(PROJECT)).rejects.toThrow("somebody has asked for it");
    while (machine.marks.size === 0) await null;
    await keeper.wake(PROJECT);
    await slept;
    await settled(keeper);
    expect([stateOf(keeper), isPaused(machine), machine.marks.size]).toEqual(["awake", false, 0]);
  });

  it("is of the paused alone where there is no swap", async () => {
    const { machine, keeper } = await started({ ...makeMachine(), hasSwap: false });
    await keeper.sleep(PROJECT);
    expect(isPaused(machine)).toBe(true);
    expect(said(keeper)).toEqual(["asleep: paused only: there is no swap"]);
  });
});

describe("a sleeping project", () => {
  it("is woken once for several who ask, and its routes are its own when Docker calls it healthy", async () => {
    const { machine, keeper, steps } = await asleep();
    const container = machine.containers.get(PROJECT);
    if (container) container.health = "unhealthy";
    steps.length = 0;
    await Promise.all([keeper.wake(PROJECT), keeper.wake(PROJECT), keeper.wake(PROJECT)]);
    expect(steps.filter((step) => step === "unpause")).toHaveLength(1);
    await settled(keeper);
    expect(stateOf(keeper)).toBe("awake");
    expect(machine.marks.get(PROJECT)?.text).toBe('{"url":"http://172.28.0.2/awake"}\n');
    expect(machine.swaps).toBe(false);
    if (container) container.health = "healthy";
    await settled(keeper);
    expect(machine.marks.size).toBe(0);
  });

  it("has requests led straight to its address no more once its container has ended, also while it wakes", async () => {
    const { machine, keeper, steps } = await asleep();
    const container = machine.containers.get(PROJECT);
    if (container) container.health = "unhealthy";
    const woken = keeper.wake(PROJECT);
    while (!steps.includes("unpause")) await null;
    const ended = keeper.ended(PROJECT, container?.id ?? "");
    await woken;
    await ended;
    expect(machine.marks.size).toBe(0);
    await keeper.sleep(PROJECT);
    await keeper.ended(PROJECT, container?.id ?? "");
    // That of one that sleeps says that whoever asks wakes it.
    expect(machine.marks.size).toBe(1);
  });

  it("does not fall asleep again at once, though nobody has used it since", async () => {
    let steady = 0;
    const machine = makeMachine();
    const { keeper } = await started(machine, { steady: () => steady, wall: () => steady });
    await keeper.sleep(PROJECT);
    await keeper.wake(PROJECT);
    await settled(keeper);
    steady += HALF_HOUR - 1;
    await keeper.considerAll();
    await settled(keeper);
    expect(stateOf(keeper)).toBe("awake");
    steady += 60_000;
    await keeper.considerAll();
    await settled(keeper);
    expect(stateOf(keeper)).toBe("asleep");
  });

  it("has been used just now when the clock has jumped", async () => {
    let wall = 0;
    const { keeper } = await started(makeMachine(), { wall: () => wall });
    wall += 24 * 2 * HALF_HOUR;
    await keeper.look();
    await keeper.considerAll();
    await settled(keeper);
    expect(stateOf(keeper)).toBe("awake");
  });

  it("is woken by what waits in its sockets", async () => {
    const { machine, keeper } = await asleep();
    machine.queues.unread = 7;
    await settled(keeper);
    expect([stateOf(keeper), isPaused(machine)]).toEqual(["awake", false]);
  });

  it("has the routes of an update's, and still sleeps", async () => {
    const { machine, keeper } = await asleep();
    machine.configs.set(PROJECT, configOf(PROJECT, { asleep: { url: "another" } }));
    await settled(keeper);
    expect([machine.marks.get(PROJECT)?.text, stateOf(keeper)]).toEqual(['{"url":"another"}\n', "asleep"]);
  });

  it("is awake when its container was replaced, stopped or let go on by others", async () => {
    for (const container of [
      containerOf(PROJECT, { id: "web-2" }),
      containerOf(PROJECT, { state: "exited" }),
      containerOf(PROJECT),
    ]) {
      const { machine, keeper } = await asleep();
      machine.containers.set(PROJECT, container);
      await settled(keeper);
      expect(stateOf(keeper)).toBe(container.state === "exited" ? "stopped" : "awake");
      expect(machine.marks.size).toBe(0);
    }
  });

  it("goes on when it is being stopped, so that it ends in order", async () => {
    const { machine, keeper } = await asleep();
    await keeper.stopping(PROJECT, "another container");
    expect(isPaused(machine)).toBe(true);
    await keeper.stopping(PROJECT, containerOf().id);
    expect(isPaused(machine)).toBe(false);
  });

  it("can be put to sleep again after it was stopped and started", async () => {
    const { machine, keeper } = await asleep();
    await keeper.stopping(PROJECT, containerOf().id);
    for (const state of ["exited", "running"] as const) {
      machine.containers.set(PROJECT, containerOf(PROJECT, { state }));
      await settled(keeper);
    }
    expect(stateOf(keeper)).toBe("awake");
    await keeper.sleep(PROJECT);
    expect(isPaused(machine)).toBe(true);
  });

  it("is refused in words while it is falling asleep or waking", async () => {
    const { keeper } = await started();
    const first = keeper.sleep(PROJECT);
    while (stateOf(keeper) !== "falling-asleep") await null;
    await expect(keeper.sleep(PROJECT)).rejects.toThrow("it is falling asleep already");
    await first;
    const woken = keeper.wake(PROJECT);
    while (stateOf(keeper) !== "waking") await null;
    await expect(keeper.sleep(PROJECT)).rejects.toThrow("it is just waking");
    await woken;
  });

  it("is let go on with its files removed when its entry is gone", async () => {
    const { machine, keeper } = await asleep();
    machine.configs.clear();
    await settled(keeper);
    expect([isPaused(machine), machine.marks.size, keeper.list()]).toEqual([false, 0, []]);
  });

  it("is woken when its entry says that it never sleeps, but a person may put it to sleep then", async () => {
    const { machine, keeper } = await asleep();
    machine.configs.set(PROJECT, configOf(PROJECT, { sleep: null }));
    await settled(keeper);
    expect(stateOf(keeper)).toBe("awake");
    await keeper.sleep(PROJECT);
    await settled(keeper);
    expect(stateOf(keeper)).toBe("asleep");
  });
});

describe("what is not the keeper's", () => {
  it("is a container that an admin has paused", async () => {
    const machine = makeMachine();
    machine.containers.set(PROJECT, containerOf(PROJECT, { state: "paused" }));
    const { keeper } = await started(machine);
    await settled(keeper);
    expect(isPaused(machine)).toBe(true);
    expect(keeper.list()[0]).toMatchObject({ state: "stopped", reason: "paused by hand" });
    await expect(keeper.wake(PROJECT)).rejects.toThrow("web is stopped: paused by hand");
  });

  it("is the mark of a project that is there no more", async () => {
    const machine = makeMachine();
    machine.marks.set("gone", { since: 0, text: "{}" });
    const { keeper } = await started(machine);
    await settled(keeper);
    expect(machine.marks.size).toBe(0);
  });
});

it("answers in a sentence for a project that there is not", async () => {
  const { keeper, steps } = await started();
  steps.length = 0;
  await expect(keeper.wake("nobody")).rejects.toThrow("There is no project nobody.");
  // It costs no look at everything.
  expect(steps).toEqual(["configs"]);
});

it("lets a project start that waits for its turn when somebody asks for it", async () => {
  const { keeper } = await started();
  const let_go: string[] = [];
  keeper.held.set(PROJECT, async () => {
    let_go.push(PROJECT);
    keeper.held.delete(PROJECT);
  });
  expect(stateOf(keeper)).toBe("waiting");
  await keeper.wake(PROJECT);
  expect([let_go, stateOf(keeper)]).toEqual([[PROJECT], "awake"]);
});
