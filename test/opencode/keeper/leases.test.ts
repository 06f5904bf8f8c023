/** What the keeper does to a project while somebody works on its files, and what comes in between. */
import { describe, expect, it } from "vitest";
import { asleepStill, makeTime, own, services, still, turns } from "../../support/opencode/keeper-leases.ts";
import { isPaused, said, settled, stateOf } from "../../support/opencode/keeper-states.ts";
import {
  configOf,
  containerOf,
  type Keeper,
  type Machine,
  makeMachine,
  PROJECT,
  startKeeper,
} from "../../support/opencode/keeper-world.ts";

describe("a hold", () => {
  it("pauses an awake project with its services, whose requests go the same way, and lets it go on", async () => {
    const { machine, keeper, steps } = await still();
    steps.length = 0;
    expect(await keeper.leases.hold(PROJECT, 10)).toEqual({ was: "awake", renewed: false });
    expect([own(machine), services(machine)]).toEqual(["paused", ["paused", "exited"]]);
    // Before anything is paused it is written down, and the gateway knows the address.
    const order = ["lease", "mark", "wait", "pause", "pause", "lease"];
    expect(steps.filter((step) => order.includes(step))).toEqual(order);
    expect(machine.marks.get(PROJECT)?.text).toBe('{"url":"http://172.28.0.2/awake"}\n');
    expect(steps).not.toContain("toSwap");
    await settled(keeper);
    expect(keeper.list()[0]).toMatchObject({
      state: "awake",
      held: true,
      reason: "its files are being copied",
    });
    expect(await keeper.leases.release(PROJECT)).toEqual({ state: "awake" });
    expect([own(machine), services(machine), machine.leases.size]).toEqual([
      "running",
      ["running", "exited"],
      0,
    ]);
    expect(keeper.list()[0]).not.toHaveProperty("held");
  });

  it("leaves the project's routes to the gateway once Docker calls it healthy", async () => {
    const { machine, keeper, time } = await still();
    await keeper.leases.hold(PROJECT, 10);
    const container = machine.containers.get(PROJECT);
    if (container) container.health = "unhealthy";
    await keeper.leases.release(PROJECT);
    await settled(keeper);
    expect([stateOf(keeper), machine.marks.size]).toEqual(["awake", 1]);
    if (container) container.health = "healthy";
    await keeper.look();
    time.now += 3000;
    await keeper.look();
    expect(machine.marks.size).toBe(0);
  });

  it("is released by itself when its time is over, which is told", async () => {
    const { machine, keeper, time } = await still();
    await keeper.leases.hold(PROJECT, 10);
    time.now += 9000;
    await settled(keeper);
    expect(own(machine)).toBe("paused");
    expect(await keeper.leases.hold(PROJECT, 20)).toEqual({ was: "awake", renewed: true });
    time.now += 19_000;
    await settled(keeper);
    expect(own(machine)).toBe("paused");
    time.now += 2000;
    await settled(keeper);
    expect([own(machine), services(machine)]).toEqual(["running", ["running", "exited"]]);
    expect(said(keeper)).toEqual(["released: its lease of 20 s has run out"]);
    // Whoever gives it back later finds it given back.
    expect(await keeper.leases.release(PROJECT)).toEqual({ state: "awake" });
  });

  it("of a sleeping project is none but that a wake waits", async () => {
    const { machine, keeper } = await asleepStill();
    expect(await keeper.leases.hold(PROJECT, 10)).toEqual({ was: "asleep", renewed: false });
    machine.queues.unread = 7;
    await settled(keeper);
    expect(isPaused(machine)).toBe(true);
    machine.queues.unread = 0;
    const woken = keeper.wake(PROJECT);
    await turns();
    expect([stateOf(keeper), isPaused(machine)]).toEqual(["asleep", true]);
    await keeper.leases.release(PROJECT);
    await woken;
    await settled(keeper);
    expect([stateOf(keeper), isPaused(machine)]).toEqual(["awake", false]);
  });

  it("of a sleeping project leaves it asleep", async () => {
    const { machine, keeper } = await asleepStill();
    await keeper.leases.hold(PROJECT, 10);
    await keeper.leases.release(PROJECT);
    await settled(keeper);
    expect([stateOf(keeper), isPaused(machine), machine.leases.size]).toEqual(["asleep", true, 0]);
  });

  it("pauses nothing of a project that is stopped, or waits at its gate", async () => {
    const stopped = makeMachine();
    stopped.containers.set(PROJECT, containerOf(PROJECT, { state: "exited" }));
    const waiting = { ...makeMachine(), gate: "waiting" as const };
    for (const [machine, was] of [
      [stopped, "stopped"],
      [waiting, "waiting"],
    ] as const) {
      const { keeper, steps } = await still(machine);
      steps.length = 0;
      expect(await keeper.leases.hold(PROJECT, 10)).toMatchObject({ was });
      expect(steps).not.toContain("pause");
      await keeper.leases.release(PROJECT);
      expect(steps).not.toContain("unpause");
    }
  });

  it("waits until a project has fallen asleep, and sleeps no project", async () => {
    const { machine, keeper } = await still();
    const slept = keeper.sleep(PROJECT);
    while (stateOf(keeper) !== "falling-asleep") await null;
    expect(await keeper.leases.hold(PROJECT, 10)).toMatchObject({ was: "asleep" });
    await slept;
    await keeper.leases.release(PROJECT);
    await keeper.wake(PROJECT);
    await settled(keeper);
    await keeper.leases.hold(PROJECT, 10);
    await expect(keeper.sleep(PROJECT)).rejects.toThrow("its files are being copied");
    await keeper.considerAll();
    await settled(keeper);
    expect([stateOf(keeper), machine.swaps]).toEqual(["awake", false]);
  });

  it.each([0, 1, 2, 3, 5, 8, 13, 21])(
    "wins over a look that has begun before it, and finds that something came (%i turns later)",
    async (later) => {
      const { machine, keeper } = await asleepStill();
      await settled(keeper);
      machine.queues.unread = 7;
      const looked = keeper.look();
      await turns(later);
      const { was } = await keeper.leases.hold(PROJECT, 10);
      await looked;
      await settled(keeper);
      expect([was, own(machine), machine.leases.size]).toEqual([was, "paused", 1]);
    },
  );

  it("is taken back where Docker does not pause it", async () => {
    const { machine, keeper } = await still();
    machine.containers.set(PROJECT, containerOf(PROJECT, { id: "web-2" }));
    const container = machine.containers.get(PROJECT);
    const held = keeper.leases.hold(PROJECT, 10);
    // It ends in between.
    while (!machine.leases.has(PROJECT)) await null;
    if (container) container.state = "exited";
    await expect(held).rejects.toThrow("is not running");
    expect([machine.leases.size, services(machine)]).toEqual([0, ["running", "exited"]]);
  });
});

describe("what others do comes first", () => {
  it.each([
    ["held", "continues", "hold", containerOf()],
    ["held", "stops", "hold", containerOf(PROJECT, { state: "exited" })],
    ["held", "replaces", "hold", containerOf(PROJECT, { id: "web-2" })],
    ["parked", "starts", "park", containerOf()],
    ["parked", "replaces", "park", containerOf(PROJECT, { id: "web-2" })],
  ] as const)("to a project that is %s: somebody %s it", async (_, _what, kind, container) => {
    const { machine, keeper } = await still();
    await keeper.leases[kind](PROJECT, 60);
    machine.containers.set(PROJECT, { ...container });
    await settled(keeper);
    const expected = container.state === "exited" ? "stopped" : "awake";
    expect([stateOf(keeper), own(machine), machine.leases.size]).toEqual([expected, container.state, 0]);
    expect(services(machine)).toEqual(["running", "exited"]);
    // Its holder hears of it, and nothing is done once more.
    await expect(keeper.leases[kind](PROJECT, 60, true)).rejects.toThrow("so it is left alone");
    expect(own(machine)).toBe(container.state);
    if (kind === "hold") expect(await keeper.leases.release(PROJECT)).toEqual({ state: expected });
    else expect(await keeper.leases.unpark(PROJECT)).toEqual({ state: "awake", answers: true });
    // Then it may begin again.
    expect(await keeper.leases[kind](PROJECT, 60)).toMatchObject({ renewed: false });
  });

  it("and keeps nobody else from it, whose holder has ended before it heard", async () => {
    const { machine, keeper } = await still();
    await keeper.leases.park(PROJECT, 60);
    machine.containers.set(PROJECT, containerOf());
    await settled(keeper);
    expect(await keeper.leases.park(PROJECT, 60)).toEqual({ was: "awake", renewed: false });
    expect(stateOf(keeper)).toBe("parked");
  });

  it("starting one that is parked, which starts once more with the files that are there at the end", async () => {
    const { machine, keeper, steps, time } = await still();
    await keeper.leases.park(PROJECT, 60);
    machine.containers.set(PROJECT, containerOf());
    await settled(keeper);
    time.now += 100_000;
    await settled(keeper);
    steps.length = 0;
    expect(await keeper.leases.unpark(PROJECT)).toEqual({ state: "awake", answers: true });
    expect(steps.filter((step) => /^(stop|start)$/.test(step))).toEqual(["stop", "stop", "start", "start"]);
    expect([own(machine), services(machine), machine.leases.size]).toEqual([
      "running",
      ["running", "exited"],
      0,
    ]);
    // That is done.
    steps.length = 0;
    await keeper.leases.unpark(PROJECT);
    expect(steps).not.toContain("stop");
  });

  it("stopping a container that is held, which goes on so that it ends in order", async () => {
    const { machine, keeper } = await still();
    await keeper.leases.hold(PROJECT, 60);
    await keeper.stopping(PROJECT, "another");
    expect(own(machine)).toBe("paused");
    await keeper.stopping(PROJECT, "db");
    await keeper.stopping(PROJECT, containerOf().id);
    expect([own(machine), services(machine)]).toEqual(["running", ["running", "exited"]]);
  });

  it("an update that stops it or takes its entry away while it is parked", async () => {
    const routes = (service: string) => ({ http: { routers: { a: { service } } } });
    for (const after of [
      (machine: Machine) =>
        machine.configs.set(PROJECT, configOf(PROJECT, { awake: routes("notice@docker") })),
      (machine: Machine) => machine.configs.clear(),
    ]) {
      const { machine, keeper, time } = await still();
      machine.configs.set(PROJECT, configOf(PROJECT, { awake: routes("web_address") }));
      await settled(keeper);
      await keeper.leases.park(PROJECT, 60);
      after(machine);
      time.now += 61_000;
      await settled(keeper);
      expect([own(machine), machine.leases.size, machine.marks.size]).toEqual(["exited", 0, 0]);
    }
  });

  it("a restart of what is held or parked, which is refused, and one under way, which is waited for", async () => {
    const { machine, keeper } = await still();
    await keeper.leases.hold(PROJECT, 60);
    await expect(keeper.restart(PROJECT, async () => {})).rejects.toThrow("its files are being copied");
    await keeper.leases.release(PROJECT);
    const restarted = Promise.withResolvers<void>();
    const restart = keeper.restart(PROJECT, () => restarted.promise);
    const parked = keeper.leases.park(PROJECT, 60);
    await turns();
    expect(own(machine)).toBe("running");
    restarted.resolve();
    await Promise.all([restart, parked]);
    expect(own(machine)).toBe("exited");
  });
});

describe("two leases of one project", () => {
  it("of a kind are one, which is renewed, and of two kinds the second is refused", async () => {
    const { machine, keeper } = await still();
    const both = await Promise.all([keeper.leases.park(PROJECT, 60), keeper.leases.park(PROJECT, 90)]);
    expect(both.map(({ renewed }) => renewed)).toEqual([false, true]);
    expect(machine.leases.get(PROJECT)).toMatchObject({ kind: "park", seconds: 90 });
    await expect(keeper.leases.hold(PROJECT, 10)).rejects.toThrow("its files are being replaced");
    await expect(keeper.leases.release(PROJECT)).rejects.toThrow("its files are being replaced");
    await keeper.leases.unpark(PROJECT);
    await keeper.leases.hold(PROJECT, 10);
    await expect(keeper.leases.park(PROJECT, 10)).rejects.toThrow("its files are being copied");
    await expect(keeper.leases.unpark(PROJECT)).rejects.toThrow("its files are being copied");
  });
});

describe("the next keeper", () => {
  const next = async (machine: Machine) => {
    const time = makeTime();
    // The machine's own clock was put far ahead meanwhile.
    const wall = () => 4_000_000_000_000;
    const { keeper } = startKeeper(machine, undefined, { unmoved: time.unmoved, wall });
    await keeper.look();
    return { keeper, time };
  };
  it.each(["hold", "park"] as const)("takes up a %s, for its whole time from then on", async (kind) => {
    const { machine, keeper: last } = await still();
    await last.leases[kind](PROJECT, 60);
    const frozen = own(machine);
    const { keeper, time } = await next(machine);
    time.now += 59_000;
    await settled(keeper);
    expect([own(machine), stateOf(keeper)]).toEqual([frozen, kind === "park" ? "parked" : "awake"]);
    expect(await keeper.leases[kind](PROJECT, 60)).toEqual({ was: "awake", renewed: true });
    time.now += 61_000;
    await settled(keeper);
    expect([own(machine), stateOf(keeper), machine.leases.size]).toEqual(["running", "awake", 0]);
  });

  it("gives back what the last one was about to take, also to whoever asks for it at once", async () => {
    const { machine, keeper: last } = await still();
    await last.leases.park(PROJECT, 60);
    const lease = machine.leases.get(PROJECT);
    if (lease) lease.isGranted = false;
    const { keeper } = startKeeper(machine, undefined, makeTime());
    expect(await again(keeper)).toMatchObject({ renewed: false });
    expect(own(machine)).toBe("exited");
  });
  const again = (keeper: Keeper) => keeper.leases.park(PROJECT, 60);
});
