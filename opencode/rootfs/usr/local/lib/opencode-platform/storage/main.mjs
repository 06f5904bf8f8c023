// The storage program: the only one of the platform that has all workspaces, and does to a project's files as a whole what is done to them:
// checkpoints, roll-back, fork, backups. It has no right to Docker: the keeper stops a project for it.
import { makeBackup, readBackupConfig } from "./backup/index.mjs";
import { begin } from "./begin.mjs";
import { isBtrfs } from "./btrfs.mjs";
import { makeCheckpoints } from "./checkpoints.mjs";
import { makeContext } from "./context.mjs";
import { makeFork } from "./fork.mjs";
import { OWN_SOCKET } from "./paths.mjs";
import { backupStatus } from "./status.mjs";
import { sweep } from "./sweep.mjs";
import { serveVerbs } from "./verbs.mjs";

/** Between two looks at what is to be done: unfinished replacements, due backups. Milliseconds. */
const TICK_MS = 60_000;
/** After a start, until the keeper answers. Milliseconds. */
const SOON_MS = 2000;

const context = makeContext();
const { paths, machine, log } = context;

let left = await begin(context);
const config = readBackupConfig();
const backup = makeBackup(context, config);
const checkpoints = makeCheckpoints(context);
const verbs = {
  status: async () => ({
    fileSystem: (await isBtrfs(paths.root)) ? "btrfs" : "other",
    running: context.running(),
    ...(config ? { backup: backupStatus(config, await context.status.read()) } : {}),
  }),
  ...checkpoints.verbs,
  ...makeFork(context).verbs,
  ...backup.verbs,
};
serveVerbs(OWN_SOCKET, verbs, log);
log("ready");

async function tick() {
  left = await context.recover();
  await sweep(context);
  // Where a timer asks for backups, this only looks at the projects.
  await backup.tick();
}
const tryTick = () => void tick().catch((error) => log(error.message));
setInterval(tryTick, TICK_MS);
for (const signal of ["SIGTERM", "SIGINT"])
  process.on(signal, () => void context.releaseAll().finally(() => process.exit(0)));

while (left > 0) {
  await machine.wait(SOON_MS);
  left = await context.recover();
}
