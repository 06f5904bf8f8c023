/** A keeper that has looked at its machine, and one whose project is asleep. */
import { expect } from "vitest";
import { type Keeper, type Machine, makeMachine, PROJECT, startKeeper } from "./keeper-world.ts";

export const stateOf = (keeper: Keeper) => keeper.list().find(({ project }) => project === PROJECT)?.state;
export const isPaused = (machine: Machine) => machine.containers.get(PROJECT)?.state === "paused";
export const said = (keeper: Keeper) =>
  keeper.history.of(PROJECT).map(({ what, text = "" }) => `${what}: ${text}`);

export async function started(machine = makeMachine(), clock: Parameters<typeof startKeeper>[2] = {}) {
  const { keeper, steps } = startKeeper(machine, undefined, clock);
  await keeper.look();
  return { machine, keeper, steps };
}
export async function asleep() {
  const world = await started();
  await world.keeper.sleep(PROJECT);
  expect([stateOf(world.keeper), isPaused(world.machine)]).toEqual(["asleep", true]);
  return world;
}
/** Looks until nothing is under way. */
export async function settled(keeper: Keeper) {
  for (let looks = 0; looks < 6; looks++) {
    await keeper.look();
    await new Promise((resolve) => setImmediate(resolve));
  }
}
