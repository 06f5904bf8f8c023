/** Wakes that fail, that find a project at its gate, or that cannot write its control group. */
import { describe, expect, it } from "vitest";
import { asleep, isPaused, said, settled, started, stateOf } from "../../support/opencode/keeper-states.ts";
import { makeMachine, PROJECT } from "../../support/opencode/keeper-world.ts";

it("sleeps and wakes also where its control group cannot be written, and says so once", async () => {
  const machine = { ...makeMachine(), groupFails: "EACCES: permission denied" };
  const { keeper } = await started(machine);
  await settled(keeper);
  await keeper.sleep(PROJECT);
  await keeper.wake(PROJECT);
  await settled(keeper);
  expect(stateOf(keeper)).toBe("awake");
  const lines = said(keeper);
  expect(lines.filter((line) => line.startsWith("limit of swap"))).toHaveLength(1);
  expect(lines).toContain("asleep: paused only: EACCES: permission denied");
});

it.each([0, 1, 2, 3, 5, 8, 13, 21, 34])(
  "is one wake for whoever asks while a look finds that something came (%i turns later)",
  async (later) => {
    const { machine, keeper, steps } = await asleep();
    machine.queues.unread = 7;
    steps.length = 0;
    const looked = keeper.look();
    for (let turn = 0; turn < later; turn++) await null;
    await Promise.all([keeper.wake(PROJECT), looked]);
    machine.queues.unread = 0;
    await settled(keeper);
    expect([stateOf(keeper), steps.filter((step) => step === "unpause").length]).toEqual(["awake", 1]);
  },
);

describe("a wake that fails", () => {
  it("leaves the mark of a container that is still paused, and is tried again by whoever asks next", async () => {
    const { machine, keeper } = await asleep();
    machine.unpauseFails = { message: "cannot resume: freezer", status: 500 };
    await expect(keeper.wake(PROJECT)).rejects.toThrow("cannot resume: freezer");
    await settled(keeper);
    expect([stateOf(keeper), isPaused(machine), machine.marks.size]).toEqual(["asleep", true, 1]);
    machine.unpauseFails = undefined;
    await keeper.wake(PROJECT);
    await settled(keeper);
    expect([stateOf(keeper), isPaused(machine), machine.marks.size]).toEqual(["awake", false, 0]);
  });

  it("leaves it also where Docker says that the container went on, and it has not", async () => {
    const { machine, keeper } = await asleep();
    machine.unpauseFails = { message: "Container web-1 is not paused", status: 500 };
    await expect(keeper.wake(PROJECT)).rejects.toThrow("its container is still paused");
    await settled(keeper);
    expect([stateOf(keeper), isPaused(machine), machine.marks.size]).toEqual(["asleep", true, 1]);
  });

  it.each([
    ["runc's word that it runs", "cannot resume a running process: unknown", []],
    ["another", "cannot resume: freezer", ["not resumed: cannot resume: freezer"]],
  ])("ends no keeper where somebody stops the container: %s", async (_what, message, lines) => {
    const { machine, keeper } = await asleep();
    machine.unpauseFails = { message, status: 500 };
    await keeper.stopping(PROJECT, machine.containers.get(PROJECT)?.id ?? "");
    expect(said(keeper).filter((line) => line.startsWith("not resumed"))).toEqual(lines);
  });

  it("takes no longer than its time, however long each look for an answer takes", async () => {
    const { machine, keeper } = await asleep();
    machine.answers = false;
    const began = machine.now;
    await expect(keeper.wake(PROJECT)).rejects.toThrow("its server has not answered");
    expect(machine.now - began).toBeLessThan(65_000);
    expect([stateOf(keeper), machine.marks.size]).toEqual(["awake", 0]);
  });
});

/** Docker has started a sleeping project's container anew: it stands at its gate. */
describe("a sleeping project that has started anew", () => {
  const restarted = async () => {
    const world = await asleep();
    const container = world.machine.containers.get(PROJECT);
    if (container) Object.assign(container, { state: "running", address: "172.28.0.9" });
    world.machine.gate = "waiting";
    return world;
  };
  /** As boot.mjs does it. */
  const hold = ({ machine, keeper }: Awaited<ReturnType<typeof started>>) =>
    keeper.held.set(PROJECT, async () => {
      machine.gate = "open";
      keeper.held.delete(PROJECT);
    });

  it("is not woken, and has its mark, before and after it is known that it waits", async () => {
    const world = await restarted();
    for (const gate of ["unknown", "waiting"] as const) {
      world.machine.gate = gate;
      world.steps.length = 0;
      await settled(world.keeper);
      expect([stateOf(world.keeper), world.machine.marks.size]).toEqual(["asleep", 1]);
      expect(world.steps).not.toContain("unpause");
    }
    hold(world);
    await settled(world.keeper);
    expect([stateOf(world.keeper), world.machine.marks.size]).toEqual(["waiting", 1]);
  });

  it("is let go for whoever asks before it is known that it waits", async () => {
    const world = await restarted();
    const woken = world.keeper.wake(PROJECT);
    while (!world.steps.includes("unpause")) await null;
    hold(world);
    await woken;
    expect([stateOf(world.keeper), world.machine.gate]).toEqual(["awake", "open"]);
  });

  it("is let go for whoever asks while a wake is under way", async () => {
    const world = await restarted();
    world.machine.gate = "open";
    world.machine.answers = false;
    await world.keeper.look();
    expect(stateOf(world.keeper)).toBe("waking");
    world.machine.gate = "waiting";
    hold(world);
    world.machine.answers = true;
    await world.keeper.wake(PROJECT);
    await settled(world.keeper);
    expect([stateOf(world.keeper), world.machine.gate]).toEqual(["awake", "open"]);
  });

  it("is refused in a sentence when its entry goes while somebody waits", async () => {
    const world = await restarted();
    hold(world);
    await world.keeper.look();
    world.machine.answers = false;
    const woken = world.keeper.wake(PROJECT);
    woken.catch(() => {});
    world.machine.configs.delete(PROJECT);
    await world.keeper.look();
    await expect(woken).rejects.toThrow(`There is no project ${PROJECT} any more.`);
  });

  it("keeps its mark when a wake ends that has waited for it in vain", async () => {
    const { machine, keeper } = await restarted();
    await expect(keeper.wake(PROJECT)).rejects.toThrow("its server has not answered");
    await settled(keeper);
    expect([stateOf(keeper), machine.marks.size]).toEqual(["asleep", 1]);
  });
});
