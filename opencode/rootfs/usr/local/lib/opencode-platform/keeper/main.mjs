// The keeper: the one process beside the panel's runner that holds Docker's socket. It puts projects to sleep and wakes them, and parses no request
// of a person's: what faces people asks it by a handful of verbs.
import { existsSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";
import { makeBoot } from "./boot.mjs";
import { makeClock } from "./clock.mjs";
import { decide, working } from "./decide.mjs";
import { makeDocker } from "./docker.mjs";
import { startFilter } from "./filter.mjs";
import { INTERVAL_MS, makeHealer } from "./heal.mjs";
import { makeHistory } from "./history.mjs";
import { makeKeeper } from "./keeper.mjs";
import { PLATFORM_LABEL, PROJECT_LABEL, SERVICE_LABEL } from "./names.mjs";
import { makeStorageVerbs, makeVerbs, serveVerbs } from "./verbs.mjs";
import { makeWorld } from "./world.mjs";

/** Between two looks at everything. Milliseconds. */
const LOOK_MS = 3000;
/** After an event of Docker's, since one seldom comes alone. Milliseconds. */
const SOON_MS = 100;
/** The volume that the storage container has, too. */
const STORAGE = "/run/keeper/storage";

const { OPENCODE_PLATFORM_PREFIX: prefix = "", OPENCODE_PLATFORM_GATEWAY_PORT: port = "" } = process.env;
const labels = [`${PLATFORM_LABEL}=${prefix}`];
const docker = makeDocker();
const history = makeHistory();
const clock = makeClock();
const world = makeWorld({
  docker,
  prefix,
  gatewayPort: Number(port),
  routesDir: "/run/keeper/routes",
  configDir: "/run/keeper/projects",
  cgroups: "/sys/fs/cgroup",
  leasesDir: `${STORAGE}/leases`,
});
const keeper = makeKeeper({ world, decide, working, clock, history });
const boot = makeBoot({ docker, world, keeper, history });
const healer = makeHealer({ docker, labels, keeper, clock, history });
const verbs = {
  ...makeVerbs(keeper),
  "POST restart": async (project) => {
    await keeper.entryOf(project);
    await keeper.leases.over(project);
    if (keeper.list().some((each) => each.project === project && each.state === "asleep"))
      await keeper.wake(project);
    const { container } = await keeper.entryOf(project);
    if (!container) throw new Error(`${project} has no container.`);
    await healer.restart(project, container.id, "somebody asked for it");
    return { state: "waiting" };
  },
};
/** Told of each event of the platform's containers. @type {((event: {Action: string, id: string, Actor: {Attributes: Record<string, string>}}) => void)[]} */
const listeners = [];

/** One look after the other; a reason why one has failed is said once. */
async function lookForEver() {
  let said = "";
  for (let soon = Promise.withResolvers(); ; soon = Promise.withResolvers()) {
    lookSoon = soon.resolve;
    const messageOf = (error) => error.message;
    const problems = [await keeper.look().catch(messageOf), await boot.look().catch(messageOf)];
    const problem = problems.find(Boolean) ?? "";
    if (problem !== said) console.log(problem || "everything is looked after again");
    said = problem;
    await keeper.considerAll();
    await Promise.race([soon.promise.then(() => wait(SOON_MS)), wait(LOOK_MS)]);
  }
}
let lookSoon = () => {};

listeners.push(({ Action, id, Actor }) => {
  const project = Actor.Attributes[PROJECT_LABEL];
  if (/^(start|die|destroy)$/.test(Action)) world.forget(id);
  if (Action === "kill" && project) void keeper.stopping(project, id);
  const isOwn = project && Actor.Attributes[SERVICE_LABEL] === undefined;
  if (isOwn && Action === "start") void boot.started(project).catch(() => {});
  if (isOwn && Action === "die") void keeper.ended(project, id).catch(() => {});
  if (isOwn && /^(die|destroy)$/.test(Action)) void boot.ended(project, id).catch(() => {});
  if (/^(start|die|pause|unpause|destroy|kill|health_status: healthy)$/.test(Action)) lookSoon();
});

// What is started, each on its own.
const { "GET projects": projects, "POST wake": wake } = verbs;
serveVerbs("/run/keeper/wake/wake.sock", { "GET projects": projects, "POST wake": wake });
serveVerbs("/tmp/ask.sock", verbs);
if (existsSync(STORAGE)) serveVerbs(`${STORAGE}/socket`, makeStorageVerbs(keeper));
void docker.follow(
  labels,
  (event) => {
    for (const listen of listeners) listen(event);
  },
  {
    onOpen: () => {
      world.forget();
      void boot.first().catch(() => {});
    },
  },
);
// Before the gateway learns where projects are: one that waits for its turn is not to be reached past the waker.
await boot.first().catch((error) => console.log(error.message));
const filter = {
  prefix,
  keeper: `${prefix}-keeper`,
  storage: `${prefix}-storage`,
  print: (text) => console.log(text),
};
for (const [folder, access] of [
  ["/run/keeper/docker", "read"],
  ["/run/keeper/panel", "panel"],
])
  if (existsSync(folder)) await startFilter({ ...filter, listenOn: `${folder}/docker.sock`, access });
void lookForEver();
setInterval(() => void healer.look().catch(() => {}), INTERVAL_MS);

for (const signal of ["SIGTERM", "SIGINT"]) process.on(signal, () => process.exit(0));
