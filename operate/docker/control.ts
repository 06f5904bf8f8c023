/** Starts and stops a project's container immediately; projects.yaml is updated later. */
import type { Keeper } from "../keeper/client.ts";
import type { Engine } from "./engine.ts";

/** Seconds for opencode to finish its writes. */
const GRACE = 10;

/** Both return whether the container exists. */
export interface Control {
  start(project: string): Promise<boolean>;
  stop(project: string): Promise<boolean>;
}

export interface ControlParts {
  readonly engine: Engine;
  readonly keeper: Pick<Keeper, "wake">;
  /** Returns the name of a project's container. */
  containerOf(project: string): string;
  /** Returns the names of its services' containers. */
  servicesOf(project: string): readonly string[];
}

/** A project's services start before it, and stop after it. A project that sleeps is woken for either: a paused process can't end in order. Services never sleep. */
export const makeControl = (parts: ControlParts): Control => ({
  async start(project) {
    const { engine, containerOf, servicesOf } = parts;
    await unpause(parts, project);
    await Promise.all(servicesOf(project).map((name) => engine.start(name)));
    return engine.start(containerOf(project));
  },
  async stop(project) {
    const { engine, containerOf, servicesOf } = parts;
    await unpause(parts, project);
    const isThere = await engine.stop(containerOf(project), GRACE);
    await Promise.all(servicesOf(project).map((name) => engine.stop(name, GRACE)));
    return isThere;
  },
});

/** What the keeper does not wake, such as a project or a service that an admin has paused, is continued all the same: who starts or stops it wants it to go on. */
async function unpause({ engine, keeper, containerOf, servicesOf }: ControlParts, project: string) {
  const paused = async () => {
    const names = [...servicesOf(project), containerOf(project)];
    const found = await Promise.all(names.map((name) => engine.inspect(name)));
    return names.filter((_, index) => found[index]?.State?.Paused);
  };
  if ((await paused()).includes(containerOf(project))) await keeper.wake(project);
  // Where that fails, starting or stopping says why.
  await Promise.all((await paused()).map((name) => engine.unpause(name).catch(() => false)));
}
