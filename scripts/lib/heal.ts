import { PLATFORM_LABEL } from "../../config/names.ts";
import { docker } from "../../toolchain/lib/docker.ts";
import { backendUrl, dockerEnv, PROJECT, readSettings, STACK, stateDir } from "./checkout.ts";
import { type HalfMade, halfMade, readDeployment, withoutPending } from "./checkpoint.ts";
import { endOrphans } from "./leftovers.ts";
import { stop } from "./main.ts";
import { mustPulumi } from "./pulumi.ts";
import { describeLock, judgeLock, readLocks, removeLock, type StackLock } from "./stack-lock.ts";

/**
 * Mends what an engine leaves behind that was ended in mid-update (a crash, `kill -9`, a power cut): its lock, its
 * plugins, and what it was creating. Ends with an explanation when the stack is really in use.
 */
export async function heal(say: (line: string) => void = console.log): Promise<void> {
  const locks = readLocks(stateDir, PROJECT, STACK);
  for (const lock of locks) refuseIfInUse(lock);
  if (locks.length > 0) {
    for (const lock of locks) removeLock(lock);
    const who = locks.map(describeLock).join("; ");
    say(`The last update was cut off (${who}). Nothing of it runs any more, so its lock is removed.`);
  }
  const deployment = readDeployment(stateDir, PROJECT, STACK);
  if (locks.length === 0 && !deployment?.pending.length) return;
  const ended = await endOrphans(backendUrl);
  if (ended > 0) say(`Ended ${ended} plugin process${ended === 1 ? "" : "es"} that it left behind.`);
  if (!deployment?.pending.length) return;
  for (const leftover of halfMade(deployment)) await removeHalfMade(leftover, say);
  await clearPending();
  const count = deployment.pending.length;
  say(
    `Cleared ${count} unfinished operation${count === 1 ? "" : "s"} from the state; the next update does them again.`,
  );
}

function refuseIfInUse(lock: StackLock): void {
  const state = judgeLock(lock);
  if (state === "stale") return;
  const what = `${describeLock(lock)}, is updating it`;
  if (state === "held") stop(`stack ${STACK}`, what, `wait until it ends, or end it: kill ${lock.pid}`);
  const fix = "if nothing runs there any more: npm run pulumi -- cancel --yes";
  stop(`stack ${STACK}`, `${what}, on another machine`, fix);
}

/** Removes a container or network that bears our label and that the state does not know. */
async function removeHalfMade({ kind, name }: HalfMade, say: (line: string) => void): Promise<void> {
  const settings = readSettings();
  const env = dockerEnv(settings);
  const path = kind === "container" ? ".Config.Labels" : ".Labels";
  const format = `{{index ${path} "${PLATFORM_LABEL}"}}`;
  const { code, stdout } = await docker([kind, "inspect", "--format", format, name], env);
  if (code !== 0 || stdout.trim() !== settings.namePrefix) return;
  const args = kind === "container" ? ["rm", "--force", name] : ["rm", name];
  const removed = await docker([kind, ...args], env, 60_000);
  if (removed.code === 0) say(`Removed the half-made ${kind} ${name}.`);
  else stop(`${kind} ${name}`, `is half made, and can't be removed: ${removed.stderr.trim()}`);
}

/**
 * A non-interactive `pulumi up` keeps interrupted creations in the state for ever and warns of them each time, so they
 * are taken out. Changes and deletions are repeated from what the state says of the resource, which is still there.
 */
async function clearPending(): Promise<void> {
  const exported = await mustPulumi(["stack", "export", "--stack", STACK]);
  const input = JSON.stringify(withoutPending(JSON.parse(exported)));
  await mustPulumi(["stack", "import", "--stack", STACK], { input });
}
