// How a project falls asleep, and how it wakes: one step after another. Killed after any of them, the next start puts right what it finds
// (keeper.mjs), because a paused project always has its mark, and a marked one is woken by whoever asks for it.

/** How long the gateway has for another route, and how often it is looked at. It reads files half a second after they have changed. Milliseconds. */
const SWITCH_MS = 15_000;
/** How long requests under way have for their end. Milliseconds. */
const SETTLE_MS = 10_000;
/** Between two looks. Milliseconds. */
const LOOK_MS = 250;
const SWITCH_LOOK_MS = 50;
/** How long a woken server may take for its first answer: all of it may be on disk. Milliseconds. */
const ANSWER_MS = 60_000;
/** So many looks for an answer, and one whether there is still a container to answer. */
const THERE = 10;
/** Looks in a row at which nothing is under way. */
const CALM = 2;
/** More processor time of a look than this is work. A share of one processor. */
const WORK = 0.2;

/** Routes are kept as text: a hundred projects' objects are many times as large. @param {string | object} routes */
export const routesText = (routes) => (typeof routes === "string" ? routes : JSON.stringify(routes));

/** The text of a mark: routes, with the container's address where `{address}` stands. */
const text = (routes, { address }) => `${routesText(routes).replaceAll("{address}", address)}\n`;
/** While the project sleeps. */
export const asleepText = ({ config, container }) => text(config.asleep, container);
/** Once it is awake, and until Docker calls it healthy again: a container that has been paused is not, and until then the gateway does not know it. */
export const awakeText = ({ config, container }) => text(config.awake, container);

/** In the mark of a project that is to start by itself: a keeper that was killed meanwhile knows it from one that was asleep. */
export const WAITS = "# waits for its turn\n";

/** Ends a transition on its way, with the reason in words. */
export class Refused extends Error {}

/**
 * @typedef {ReturnType<typeof import("./world.mjs").makeWorld>} World
 * @typedef {import("./world.mjs").Container} Container
 * @typedef {import("./world.mjs").Config} Config
 */

/** Waits for a condition by looking; false when it has not come true. A look at it may take its time, too. */
async function until(world, ms, every, isSo) {
  for (const end = world.now() + ms; ; ) {
    if (await isSo()) return true;
    if (world.now() >= end) return false;
    await world.wait(every);
  }
}

/** Requests that came before the gateway has switched end: nothing waits in a socket, and nothing is computed. */
export async function calm(world, container, isStopped = () => false) {
  let looks = 0;
  let before = await world.work(container);
  return until(world, SETTLE_MS, LOOK_MS, async () => {
    if (isStopped()) return true;
    const { unread, unsent, connections } = await world.queues(container);
    const after = await world.work(container);
    const isBusy = after - before > WORK * LOOK_MS * 1000;
    before = after;
    looks = unread + unsent + connections > 0 || isBusy ? 0 : looks + 1;
    return looks > CALM;
  });
}

/** Whether the gateway leads its requests to the waker, in time. @param {{isStopped?: () => boolean, withinMs?: number}} [how] whether that is wanted no more */
export const led = (world, config, { isStopped = () => false, withinMs = SWITCH_MS } = {}) =>
  until(world, withinMs, SWITCH_LOOK_MS, async () => isStopped() || (await world.route(config)) === "asleep");

/**
 * Leads its requests to the waker, lets those under way end, and pauses it.
 * @param {World} world
 * @param {{container: Container, config: Config}} project
 * @param {{refusal(): Promise<string | undefined>, isStopped(): boolean, isCurrent(): Promise<boolean>, isHeld?(): boolean}} look why it may not sleep
 *   after all; whether somebody has asked for it meanwhile; whether it is still what it was; whether it has started anew and waits for its turn
 * @throws Refused when it is awake again, with the reason
 */
export async function fallAsleep(world, { container, config }, look) {
  const { project } = config;
  const asked = () => {
    if (look.isStopped()) throw new Refused("somebody has asked for it");
  };
  let isPaused = false;
  try {
    await world.mark(project, asleepText({ config, container }));
    if (!(await led(world, config, { isStopped: look.isStopped })))
      throw new Refused("the gateway does not lead its requests to the waker");
    asked();
    const isCalm = await calm(world, container, look.isStopped);
    asked();
    if (!isCalm) throw new Refused("a request is under way");
    const refusal = await look.refusal();
    if (refusal) throw new Refused(refusal);
    if (!(await look.isCurrent())) throw new Refused("it is being changed");
    asked();
    isPaused = true;
    await world.pause(container);
    asked();
    const { unread, connections } = await world.queues(container);
    if (unread + connections > 0) throw new Refused("a request came at the last moment");
    // An update that has removed it in between has found nothing to wake.
    if (!(await look.isCurrent())) throw new Refused("it is being changed");
  } catch (error) {
    // The mark of one that waits for its turn is not this transition's.
    if (isPaused) await wake(world, { container, config }, { isHeld: look.isHeld });
    else if (look.isHeld?.()) throw error;
    else if (container.health === "healthy") await world.unmark(project);
    else await world.mark(project, awakeText({ config, container }));
    throw error;
  }
}

/**
 * Lets it go on, and leads its requests to it again once its server answers. Its mark is left for as long as the gateway does not know it.
 * @param {World} world
 * @param {{container: Container, config: Config}} project
 * @param {{isThere?(): Promise<boolean>, isHeld?(): boolean, onAnswer?(): void}} [look] whether its container still runs; whether it has started anew and
 *   waits for its turn; called when requests that are held may go on
 * @returns {Promise<boolean>} whether its server has answered in time
 * @throws Refused, or what Docker says, while it is paused still: its mark is left
 */
export async function wake(
  world,
  { container, config },
  { isThere = async () => true, isHeld = () => false, onAnswer = () => {} } = {},
) {
  await world.unpause(container).catch(ignorePaused);
  let answers = false;
  let looks = 0;
  await until(world, ANSWER_MS, SWITCH_LOOK_MS, async () => {
    answers = await world.answers(container, config);
    looks += 1;
    return answers || isHeld() || (looks % THERE === 0 && !(await isThere()));
  });
  if (!answers) return leave(world, { container, config }, isHeld);
  onAnswer();
  await world.mark(config.project, awakeText({ config, container }));
  await until(world, SWITCH_MS, SWITCH_LOOK_MS, async () => (await world.route(config)) !== "asleep");
  return true;
}

/** Its server has not answered. Only what runs, and has passed its gate, is reached without its mark. */
async function leave(world, { container, config }, isHeld) {
  const found = (await world.containers()).get(config.project);
  const isSame = found?.id === container.id;
  if (isSame && found.state === "paused") throw new Refused("its container is still paused");
  const isAtGate = isSame && found.state === "running" && (await world.gate(container)) !== "open";
  if (!isAtGate && !isHeld()) await world.unmark(config.project);
  return false;
}

/** Somebody else has let it go on, or it is there no more. */
export function ignorePaused(error) {
  // The second is runc's, where Docker has not noticed yet.
  const isOn = error.status === 500 && /is not paused|cannot resume a running process/.test(error.message);
  if (error.status !== 409 && error.status !== 404 && !isOn) throw error;
}
