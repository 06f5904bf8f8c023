/** A keeper whose clock stands still, and a project with services: for what is done to it by leases. */
import { started } from "./keeper-states.ts";
import { type Machine, makeMachine, PROJECT } from "./keeper-world.ts";

export const own = (machine: Machine) => machine.containers.get(PROJECT)?.state;
export const services = (machine: Machine) => machine.services.map(({ state }) => state);
export const withServices = (): Machine => ({
  ...makeMachine(),
  services: [
    { id: "db", state: "running" },
    { id: "off", state: "exited" },
  ],
});
/** A clock that a test moves. */
export function makeTime() {
  const time = { now: 0, unmoved: () => time.now };
  return time;
}
/** On a clock that stands still. */
export async function still(machine = withServices()) {
  const time = makeTime();
  return { time, ...(await started(machine, { unmoved: time.unmoved })) };
}
/** Turns of everything that can go on by itself. */
export const turns = async (count = 200) => {
  for (let turn = 0; turn < count; turn++) await null;
};

/** The same, asleep. */
export async function asleepStill() {
  const world = await still();
  await world.keeper.sleep(PROJECT);
  return world;
}
