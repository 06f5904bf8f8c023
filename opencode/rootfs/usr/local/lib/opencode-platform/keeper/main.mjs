// The keeper: the one process beside the panel's runner that holds Docker's socket. It puts projects to sleep and wakes them, and parses no request
// of a person's: what faces people asks it by a handful of verbs.
import { setTimeout as wait } from "node:timers/promises";
import { makeClock } from "./clock.mjs";
import { decide, occupied } from "./decide.mjs";
import { makeDocker } from "./docker.mjs";
import { makeHistory } from "./history.mjs";
import { makeKeeper } from "./keeper.mjs";
import { makeVerbs, serveVerbs } from "./verbs.mjs";
import { makeWorld } from "./world.mjs";

/** Between two looks at everything. Milliseconds. */
const LOOK_MS = 3000;
/** After an event of Docker's, since one seldom comes alone. Milliseconds. */
const SOON_MS = 100;

const { OPENCODE_PLATFORM_PREFIX: prefix = "", OPENCODE_PLATFORM_GATEWAY_PORT: port = "" } = process.env;
const labels = [`dev.opencode-platform.prefix=${prefix}`];
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
});
const keeper = makeKeeper({ world, decide, occupied, clock, history });
const verbs = makeVerbs(keeper);
/** Told of each event of the platform's containers. @type {((event: {Action: string, id: string, Actor: {Attributes: Record<string, string>}}) => void)[]} */
const listeners = [];

/** One look after the other; a reason why one has failed is said once. */
async function lookForEver() {
  let said = "";
  for (let soon = Promise.withResolvers(); ; soon = Promise.withResolvers()) {
    lookSoon = soon.resolve;
    const problem = await keeper.look().then(
      () => "",
      (error) => error.message,
    );
    if (problem !== said) console.log(problem || "everything is looked after again");
    said = problem;
    await keeper.considerAll();
    await Promise.race([soon.promise.then(() => wait(SOON_MS)), wait(LOOK_MS)]);
  }
}
let lookSoon = () => {};

listeners.push(({ Action, id, Actor }) => {
  const project = Actor.Attributes["dev.opencode-platform.project"];
  if (Action === "kill" && project) void keeper.stopping(project, id);
  if (/^(start|die|pause|unpause|destroy|kill|health_status: healthy)$/.test(Action)) lookSoon();
});

// What is started, each on its own.
const { "GET projects": projects, "POST wake": wake } = verbs;
serveVerbs("/run/keeper/wake/wake.sock", { "GET projects": projects, "POST wake": wake });
serveVerbs("/tmp/ask.sock", verbs);
void lookForEver();
void docker.follow(labels, (event) => {
  for (const listen of listeners) listen(event);
});

for (const signal of ["SIGTERM", "SIGINT"]) process.on(signal, () => process.exit(0));
