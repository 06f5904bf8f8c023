/** The keeper ends at every step of falling asleep and of waking; whatever it has left, its next start leads to a project that is reachable. */
import { describe, expect, it } from "vitest";
import {
  containerOf,
  type Keeper,
  type Machine,
  type Moment,
  makeMachine,
  PROJECT,
  startKeeper,
  worldOf,
} from "../../support/opencode/keeper-world.ts";

/** What a keeper is in the middle of, on a machine that is ready for it. */
interface Scenario {
  name: string;
  prepare(): Promise<Machine>;
  act(keeper: Keeper, machine: Machine): Promise<unknown>;
  /** What is so no more when the next keeper starts. */
  recover?(machine: Machine): void;
  /** What whoever works on the project's files does about the next keeper; nothing, where that has ended with the last one. */
  giveBack?(keeper: Keeper): Promise<unknown>;
}

const asleep = async (): Promise<Machine> => {
  const machine = makeMachine();
  const { keeper } = startKeeper(machine);
  await keeper.look();
  await keeper.sleep(PROJECT);
  expect([machine.containers.get(PROJECT)?.state, machine.marks.size]).toEqual(["paused", 1]);
  return machine;
};

/** One whose services run, too. */
const served = (machine: Machine): Machine =>
  Object.assign(machine, { services: [{ id: "db", state: "running" as const }] });
const hold = async (keeper: Keeper) => {
  await keeper.look();
  await keeper.leases.hold(PROJECT, 60);
};
const park = async (keeper: Keeper) => {
  await keeper.look();
  await keeper.leases.park(PROJECT, 60);
};

/** Its files are worked on, and what that ends, and what does not. */
const LEASES: readonly Scenario[] = (
  [
    ["holding what is awake", async () => served(makeMachine()), hold, "release"],
    ["holding what sleeps", async () => served(await asleep()), hold, "release"],
    ["parking what is awake", async () => served(makeMachine()), park, "unpark"],
    ["parking what sleeps", async () => served(await asleep()), park, "unpark"],
  ] as const
).flatMap(([name, prepare, begin, end]) => {
  const giveBack = (keeper: Keeper) => keeper.leases[end](PROJECT);
  const act = async (keeper: Keeper) => {
    await begin(keeper);
    await giveBack(keeper);
  };
  return [
    { name: `${name}, whose holder goes on with the next keeper`, prepare, act, giveBack },
    { name: `${name}, whose holder has ended, too`, prepare, act },
  ];
});

const SCENARIOS: readonly Scenario[] = [
  ...LEASES,
  {
    name: "falling asleep",
    prepare: async () => makeMachine(),
    act: async (keeper) => {
      await keeper.look();
      await keeper.sleep(PROJECT);
    },
  },
  {
    name: "falling asleep, when a request comes at the last moment",
    prepare: async () => makeMachine(),
    act: async (keeper) => {
      await keeper.look();
      await Promise.allSettled([keeper.sleep(PROJECT), keeper.wake(PROJECT)]);
    },
  },
  { name: "waking", prepare: asleep, act: (keeper) => keeper.wake(PROJECT) },
  {
    name: "waking what Docker does not let go on at first",
    prepare: async () =>
      Object.assign(await asleep(), { unpauseFails: { message: "cannot resume: freezer", status: 500 } }),
    act: async (keeper, machine) => {
      await keeper.wake(PROJECT).catch(() => {});
      machine.unpauseFails = undefined;
      await keeper.wake(PROJECT);
    },
    recover: (machine) => {
      machine.unpauseFails = undefined;
    },
  },
  {
    name: "waking what has started anew and waits for its turn",
    prepare: async () => {
      const machine = await asleep();
      machine.containers.set(PROJECT, containerOf());
      machine.gate = "waiting";
      return machine;
    },
    act: async (keeper, machine) => {
      await keeper.look();
      const woken = keeper.wake(PROJECT);
      keeper.held.set(PROJECT, async () => {
        machine.gate = "open";
        keeper.held.delete(PROJECT);
      });
      await woken;
    },
    // Its gate opens by itself.
    recover: (machine) => {
      machine.gate = "open";
    },
  },
  {
    name: "waking what something came for while no keeper ran",
    prepare: async () => {
      const machine = await asleep();
      machine.queues.unread = 100;
      return machine;
    },
    act: async (keeper) => {
      await keeper.look();
      await settled(keeper);
    },
  },
];

/** Until its leases are over, and whoever waits for that has gone on. */
async function released(keeper: Keeper, { giveBack }: Scenario): Promise<void> {
  await giveBack?.(keeper);
  for (let looks = 0; looks < 50; looks++) {
    await keeper.look();
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(keeper.leases.has(PROJECT)).toBe(false);
}

/** Until no transition is under way. */
async function settled(keeper: Keeper): Promise<void> {
  for (let looks = 0; looks < 5; looks++) {
    await keeper.look();
    await keeper.wake(PROJECT);
  }
}

async function momentsOf({ prepare, act }: Scenario): Promise<{ moment: Moment; name: string }[]> {
  const machine = await prepare();
  const { keeper, steps } = startKeeper(machine);
  await act(keeper, machine);
  return steps.flatMap((name, step) =>
    (["before", "after"] as const).map((when) => ({
      moment: { step, when },
      name: `${when} ${name} (${step})`,
    })),
  );
}

for (const scenario of SCENARIOS) {
  const moments = await momentsOf(scenario);
  describe(`killed while ${scenario.name}`, () => {
    it.each(moments)("$name", async ({ moment }) => {
      const machine = await scenario.prepare();
      const { keeper, killed } = startKeeper(machine, moment);
      void scenario.act(keeper, machine).catch(() => {});
      await killed;
      // At no moment is a project paused that nobody could wake.
      expect(machine.containers.get(PROJECT)?.state === "paused" && !machine.marks.has(PROJECT)).toBe(false);
      // Nor is anything of it paused or stopped that no keeper knows of.
      const isFrozen = [machine.containers.get(PROJECT), ...machine.services].some(
        (each) => each?.state !== "running" && !machine.marks.has(PROJECT),
      );
      expect(isFrozen && !machine.leases.has(PROJECT)).toBe(false);

      scenario.recover?.(machine);
      const next = startKeeper(machine);
      await next.keeper.look();
      if (LEASES.includes(scenario)) await released(next.keeper, scenario);
      expect(machine.services.every(({ state }) => state === "running")).toBe(true);
      const found = next.keeper.list()[0]?.state;
      expect(found === "asleep" ? machine.containers.get(PROJECT)?.state : "running").toMatch(
        found === "asleep" ? /^paused$/ : /^running$/,
      );
      await next.keeper.wake(PROJECT);
      await settled(next.keeper);
      expect(machine.containers.get(PROJECT)?.state).toBe("running");
      expect(machine.marks.size).toBe(0);
      // The gateway follows a moment later, by itself.
      const { route } = worldOf(machine);
      await route?.();
      expect(await route?.()).toBe("direct");
      expect(machine.swaps).toBe(false);
      expect(next.keeper.list()[0]?.state).toBe("awake");
    });
  });
}
