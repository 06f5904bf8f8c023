/** A project that is stopped for other files in its place, and started again. */
import { describe, expect, it } from "vitest";
import {
  asleepStill,
  own,
  services,
  still,
  turns,
  withServices,
} from "../../support/opencode/keeper-leases.ts";
import { isPaused, said, settled, stateOf } from "../../support/opencode/keeper-states.ts";
import { containerOf, PROJECT } from "../../support/opencode/keeper-world.ts";

describe("a park", () => {
  it("leads requests to the waker, stops the project and its services, and starts all of it again", async () => {
    const { machine, keeper, steps } = await still();
    steps.length = 0;
    expect(await keeper.leases.park(PROJECT, 60)).toEqual({ was: "awake", renewed: false });
    expect([own(machine), services(machine)]).toEqual(["exited", ["exited", "exited"]]);
    const order = ["lease", "mark", "route", "stop", "stop", "lease"];
    const done = steps.filter((step) => order.includes(step));
    expect(done.filter((step, index) => step !== done[index - 1])).toEqual([
      "lease",
      "mark",
      "route",
      "stop",
      "lease",
    ]);
    await settled(keeper);
    expect(keeper.list()[0]).toMatchObject({ state: "parked", reason: "its files are being replaced" });
    expect(machine.marks.get(PROJECT)?.text).toMatch(/^\{"url":"http:\/\/172.28.0.2\/asleep"\}\n/);
    steps.length = 0;
    expect(await keeper.leases.unpark(PROJECT)).toEqual({ state: "awake", answers: true });
    // Its services first.
    expect(steps.filter((step) => step === "start")).toHaveLength(2);
    expect([own(machine), services(machine), machine.leases.size]).toEqual([
      "running",
      ["running", "exited"],
      0,
    ]);
    expect(said(keeper).map((line) => line.split(":")[0])).toEqual(["parked", "unparked", "woken"]);
  });

  it("continues a sleeping project first, so that it ends in order", async () => {
    const { machine, keeper, steps } = await asleepStill();
    steps.length = 0;
    expect(await keeper.leases.park(PROJECT, 60)).toMatchObject({ was: "asleep" });
    expect(steps.indexOf("unpause")).toBeLessThan(steps.indexOf("stop"));
    expect(await keeper.leases.unpark(PROJECT)).toEqual({ state: "awake", answers: true });
    expect(own(machine)).toBe("running");
  });

  it("leaves a stopped project stopped, and refuses one that an admin has paused", async () => {
    const machine = withServices();
    machine.containers.set(PROJECT, containerOf(PROJECT, { state: "exited" }));
    const { keeper, steps } = await still(machine);
    steps.length = 0;
    expect(await keeper.leases.park(PROJECT, 60)).toMatchObject({ was: "stopped" });
    expect(stateOf(keeper)).toBe("stopped");
    expect(services(machine)).toEqual(["exited", "exited"]);
    expect(await keeper.leases.unpark(PROJECT)).toEqual({ state: "stopped", answers: false });
    expect([own(machine), services(machine)]).toEqual(["exited", ["running", "exited"]]);
    machine.containers.set(PROJECT, containerOf(PROJECT, { state: "paused" }));
    await expect(keeper.leases.park(PROJECT, 60)).rejects.toThrow("it was paused by hand");
    expect([isPaused(machine), machine.leases.size]).toEqual([true, 0]);
  });

  it("lets whoever asks wait, and says why when that takes long", async () => {
    const { machine, keeper, time } = await still();
    await keeper.leases.park(PROJECT, 600);
    const woken = keeper.wake(PROJECT);
    await turns();
    await keeper.leases.unpark(PROJECT);
    await woken;
    expect(own(machine)).toBe("running");
    await keeper.leases.park(PROJECT, 600);
    const refused = expect(keeper.wake(PROJECT)).rejects.toThrow("its files are being replaced");
    await turns();
    time.now += 56_000;
    await refused;
    expect(own(machine)).toBe("exited");
  });

  it("goes on past a gateway that does not switch", async () => {
    const { machine, keeper } = await still(Object.assign(withServices(), { isGatewayStuck: true }));
    await keeper.leases.park(PROJECT, 60);
    expect(own(machine)).toBe("exited");
  });

  it("is over by itself when its time is, and the project is awake without anybody asking", async () => {
    const { machine, keeper, time } = await still();
    await keeper.leases.park(PROJECT, 60);
    time.now += 61_000;
    await settled(keeper);
    expect([own(machine), stateOf(keeper), machine.leases.size]).toEqual(["running", "awake", 0]);
    expect(said(keeper)[1]).toBe("unparked: its lease of 60 s has run out");
    // It ran meanwhile, of which its holder hears.
    expect(await keeper.leases.park(PROJECT, 60)).toMatchObject({ renewed: false });
  });

  it("is tried again to be ended where Docker does not start it", async () => {
    const { machine, keeper, time } = await still();
    await keeper.leases.park(PROJECT, 60);
    machine.startFails = "no space left on device";
    await expect(keeper.leases.unpark(PROJECT)).rejects.toThrow("no space left on device");
    expect([stateOf(keeper), machine.leases.size]).toEqual(["parked", 1]);
    machine.startFails = undefined;
    time.now += 6000;
    await settled(keeper);
    expect([own(machine), stateOf(keeper), machine.leases.size]).toEqual(["running", "awake", 0]);
    expect(said(keeper)).toContain("not unparked: no space left on device; it is tried again");
  });

  it("has another address where Docker gives it one", async () => {
    const { machine, keeper } = await still();
    await keeper.leases.park(PROJECT, 60);
    machine.address = "172.28.0.9";
    const unparked = keeper.leases.unpark(PROJECT);
    while (machine.leases.size > 0) await null;
    expect(machine.marks.get(PROJECT)?.text).toMatch(/^\{"url":"http:\/\/172.28.0.9\/asleep"\}\n/);
    await unparked;
    await settled(keeper);
    expect(machine.marks.get(PROJECT)?.text).toBe('{"url":"http://172.28.0.9/awake"}\n');
  });

  it("says so where it does not answer within two minutes", async () => {
    const { machine, keeper, time } = await still();
    await keeper.leases.park(PROJECT, 60);
    machine.answers = false;
    const unparked = keeper.leases.unpark(PROJECT);
    await turns();
    time.now += 121_000;
    expect(await unparked).toMatchObject({ answers: false });
    expect([own(machine), machine.leases.size]).toEqual(["running", 0]);
  });

  it("lets one go that waits at its gate", async () => {
    const { machine, keeper } = await still();
    await keeper.leases.park(PROJECT, 60);
    machine.gate = "waiting";
    // As boot.mjs does it.
    const unparked = keeper.leases.unpark(PROJECT);
    while (machine.leases.size > 0) await null;
    keeper.held.set(PROJECT, async () => {
      machine.gate = "open";
      keeper.held.delete(PROJECT);
    });
    expect(await unparked).toEqual({ state: "awake", answers: true });
  });
});
