/** The keeper's core on a machine of the test's own: one project, its gateway and its container, and a process that can be killed at any step. */
import { fileInImage } from "./image-files.ts";

export interface Container {
  id: string;
  name: string;
  state: "running" | "paused" | "exited";
  address: string;
  health: string;
}
export interface Config {
  project: string;
  container: string;
  port: number;
  probe: { host: string; path: string };
  sleep: { afterMs: number; pending: boolean } | null;
  asleep: object;
  awake: object;
}

/** What survives the keeper. */
export interface Machine {
  configs: Map<string, Config>;
  containers: Map<string, Container>;
  marks: Map<string, { since: number; text: string }>;
  /** Where the gateway leads requests; it follows the marks with the next look at it. */
  route: "asleep" | "direct" | "nowhere";
  isGatewayStuck: boolean;
  /** What the project says of itself. */
  seen: Record<string, number | null> | undefined;
  queues: { unread: number; unsent: number; connections: number };
  answers: boolean;
  /** Of its container. */
  gate: "open" | "waiting" | "unknown";
  /** Milliseconds that have gone by. */
  now: number;
  /** What Docker says instead of letting a container go on. */
  unpauseFails: { message: string; status: number } | undefined;
  /** Whether its memory may go to swap. */
  swaps: boolean;
  hasSwap: boolean;
  /** Why its control group cannot be written. */
  groupFails?: string | undefined;
  leases: Map<string, Lease>;
  /** Containers of its services. */
  services: { id: string; state: "running" | "paused" | "exited" }[];
  /** Of its container when it runs. */
  address: string;
  /** What Docker says instead of starting one. */
  startFails?: string | undefined;
}

/** A lease, as it is written. */
export interface Lease {
  kind: "hold" | "park";
  seconds: number;
  was: string;
  own?: string;
  services: string[];
  isGranted: boolean;
}

/** What is done to a project for its files' sake. */
export interface Leases {
  has(project: string): boolean;
  hold(project: string, seconds: number, isRenewal?: boolean): Promise<{ was: string; renewed: boolean }>;
  park(project: string, seconds: number, isRenewal?: boolean): Promise<{ was: string; renewed: boolean }>;
  release(project: string): Promise<{ state: string }>;
  unpark(project: string): Promise<{ state: string; answers: boolean }>;
}

type Step = (...args: never[]) => unknown;
type World = Record<string, Step>;
export interface Listed {
  project: string;
  state: string;
  since: string;
  reason?: string;
  held?: boolean;
}
export interface Keeper {
  held: Map<string, () => Promise<void>>;
  leases: Leases;
  look(): Promise<void>;
  considerAll(): Promise<unknown>;
  list(): Listed[];
  wake(project: string): Promise<void>;
  sleep(project: string): Promise<unknown>;
  stopping(project: string, id: string): Promise<void>;
  ended(project: string, id: string): Promise<void>;
  restart(project: string, run: () => Promise<void>): Promise<void>;
  history: { of(project: string): { what: string; text?: string }[] };
}
interface Parts {
  world: World;
  decide: unknown;
  working: unknown;
  clock: Clock;
  history: unknown;
}
interface Clock {
  wall(): number;
  steady(): number;
  ahead(): number;
  unmoved(): number;
}

const load = async (name: string) =>
  (await import(fileInImage(`keeper/${name}.mjs`))) as Record<string, never>;
const { makeKeeper } = (await load("keeper")) as unknown as { makeKeeper: (parts: Parts) => Keeper };
const { makeHistory } = (await load("history")) as unknown as { makeHistory: (print: Step) => unknown };
const { decide, working } = await load("decide");

export const HALF_HOUR = 30 * 60_000;
export const PROJECT = "web";

export const configOf = (project = PROJECT, others: Partial<Config> = {}): Config => ({
  project,
  container: `oc-project-${project}`,
  port: 4096,
  probe: { host: `${project}.localhost`, path: "/_platform/asleep" },
  sleep: { afterMs: HALF_HOUR, pending: false },
  asleep: { url: "http://{address}/asleep" },
  awake: { url: "http://{address}/awake" },
  ...others,
});

export const containerOf = (project = PROJECT, others: Partial<Container> = {}): Container => ({
  id: `${project}-1`,
  name: `oc-project-${project}`,
  state: "running",
  address: "172.28.0.2",
  health: "healthy",
  ...others,
});

/** A project that runs, and that nobody has used for an hour. */
export const makeMachine = (): Machine => ({
  configs: new Map([[PROJECT, configOf()]]),
  containers: new Map([[PROJECT, containerOf()]]),
  marks: new Map(),
  route: "direct",
  isGatewayStuck: false,
  seen: idle(),
  queues: { unread: 0, unsent: 0, connections: 0 },
  answers: true,
  gate: "open",
  now: 0,
  unpauseFails: undefined,
  swaps: false,
  hasSwap: true,
  leases: new Map(),
  services: [],
  address: "172.28.0.2",
});

const NOW = 1_800_000_000_000;
export const idle = (others: Record<string, number | null> = {}) => ({
  now: NOW,
  since: NOW - 10 * HALF_HOUR,
  lastActivity: NOW - 2 * HALF_HOUR,
  busy: 0,
  pending: 0,
  terminals: 0,
  chores: 0,
  transfer: null,
  ports: null,
  ...others,
});

/** All that the keeper does to a machine, one step each. */
export function worldOf(machine: Machine): World {
  const find = ({ id }: { id: string }) =>
    [...machine.containers.values(), ...machine.services].find((each) => each.id === id);
  const refuse = (message: string, status: number) => Object.assign(new Error(message), { status });
  return {
    configs: () => new Map(machine.configs),
    containers: () => new Map([...machine.containers].map(([name, each]) => [name, { ...each }])),
    marks: () => new Map(machine.marks),
    mark: (project: string, text: string) => machine.marks.set(project, { since: NOW, text }),
    unmark: (project: string) => machine.marks.delete(project),
    route: () => {
      const { route } = machine;
      if (!machine.isGatewayStuck)
        machine.route = machine.marks.get(PROJECT)?.text.includes("asleep") ? "asleep" : "direct";
      return route;
    },
    observe: () => machine.seen,
    answers: (container: Container) => {
      const isIt = machine.answers && machine.gate === "open" && find(container)?.state === "running";
      // One that does not is waited for.
      if (!isIt) machine.now += 2000;
      return isIt;
    },
    gate: () => machine.gate,
    queues: () => ({ ...machine.queues }),
    work: () => 0,
    pause: (container: Container) => {
      const found = find(container);
      if (found?.state !== "running") throw refuse("is not running", 409);
      found.state = "paused";
    },
    unpause: (container: Container) => {
      const found = find(container);
      if (machine.unpauseFails) throw refuse(machine.unpauseFails.message, machine.unpauseFails.status);
      if (found?.state !== "paused") throw refuse("is not paused", 409);
      found.state = "running";
    },
    services: () => machine.services.map((each) => ({ ...each })),
    start: (container: { id: string }) => {
      const found = find(container);
      if (machine.startFails) throw refuse(machine.startFails, 500);
      if (!found) throw refuse("No such container", 404);
      if (found.state === "paused") throw refuse("cannot start a paused container", 409);
      found.state = "running";
      if ("address" in found) found.address = machine.address;
    },
    stop: (container: { id: string }) => {
      const found = find(container);
      if (!found) throw refuse("No such container", 404);
      if (found.state === "paused") throw refuse("It would not end in order", 500);
      found.state = "exited";
      if ("address" in found) found.address = "";
    },
    leases: () => structuredClone(machine.leases),
    lease: (project: string, lease: Lease) => machine.leases.set(project, structuredClone(lease)),
    unlease: (project: string) => machine.leases.delete(project),
    toSwap: () => {
      if (machine.groupFails) throw new Error(machine.groupFails);
      if (!machine.hasSwap) return undefined;
      machine.swaps = true;
      return { ram: 5, swap: 200 };
    },
    fromSwap: () => {
      if (machine.groupFails) throw new Error(machine.groupFails);
      machine.swaps = false;
    },
    wait: (ms: number) => {
      machine.now += ms;
    },
  };
}

/** A moment of the process's life: before or after its nth step. */
export interface Moment {
  step: number;
  when: "before" | "after";
}

/** A keeper on a machine, and the steps it takes. @param kill when it ends for good: that step, and all after it, never return */
export function startKeeper(machine: Machine, kill?: Moment, clock: Partial<Clock> = {}) {
  const steps: string[] = [];
  const killed = Promise.withResolvers<void>();
  let isDead = false;
  const die = () => {
    isDead = true;
    killed.resolve();
    return new Promise<never>(() => {});
  };
  const world = Object.fromEntries(
    Object.entries(worldOf(machine)).map(([name, step]) => [
      name,
      async (...args: never[]) => {
        if (isDead) return die();
        const index = steps.push(name) - 1;
        if (kill?.step === index && kill.when === "before") return die();
        try {
          const result = await step(...args);
          if (kill?.step === index) return die();
          return result;
        } catch (error) {
          // Also after a step that Docker has refused.
          if (kill?.step === index) return die();
          throw error;
        }
      },
    ]),
  );
  // The clock is no step.
  Object.assign(world, { now: () => machine.now });
  let looks = 0;
  // Each time it is asked, two seconds later.
  const unmoved = () => 2000 * looks++;
  const moving = { wall: () => NOW, steady: () => 0, ahead: () => 0, unmoved, ...clock };
  const keeper = makeKeeper({ world, decide, working, clock: moving, history: makeHistory(() => {}) });
  return { keeper, steps, killed: killed.promise };
}
