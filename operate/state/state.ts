import { fail } from "../../config/errors.ts";
import { PROJECT } from "../engine/checkout.ts";
import { pulumi, pulumiOrThrow } from "../engine/pulumi.ts";
import { commandFor, type Session } from "../engine/session.ts";
import { type Deployment, parseDeployment, readDeployment } from "./checkpoint.ts";
import { describeLock, lockStatus, readLocks, removeLock, type StackLock } from "./lock.ts";
import { removeTornFiles } from "./torn-files.ts";

/**
 * Reads a stack's state with its secrets in plain, in this process's memory only. Ends the script if the
 * stack does not exist.
 */
export async function readState(session: Session): Promise<Deployment> {
  const { code, stdout, stderr } = await pulumi(["stack", "export", "--show-secrets"], { session });
  if (code === 0) return parseDeployment(JSON.parse(stdout));
  if (/no stack (named|selected)/.test(stderr)) return refuseMissing(session);
  return fail("environment", `stack ${session.stack}`, stderr.trim().replace(/^error: /, ""));
}

/** Reads a state without its secrets, as fast as the backend allows. */
export async function readStateIfAny(session: Session): Promise<Deployment | undefined> {
  const { folder } = session.backend;
  if (folder) return readDeployment(folder, PROJECT, session.stack);
  const { code, stdout } = await pulumi(["stack", "export"], { session });
  return code === 0 ? parseDeployment(JSON.parse(stdout)) : undefined;
}

/** Replaces a stack's state by the result of `change`. Its secrets stay encrypted. */
export async function rewriteState(session: Session, change: (exported: unknown) => unknown): Promise<void> {
  const exported: unknown = JSON.parse(await pulumiOrThrow(["stack", "export"], { session }));
  await pulumiOrThrow(["stack", "import"], { session, input: JSON.stringify(change(exported)) });
}

export function refuseMissing(session: Session): never {
  return fail(
    "config",
    `stack ${session.stack}`,
    `does not exist in ${session.backend.label}`,
    `npm run pulumi -- stack init ${session.reference}`,
  );
}

/** Removes stale locks; ends the script if one is held. Returns whether there were any. */
export function releaseLocks(session: Session, notify: (line: string) => void): boolean {
  const { folder } = session.backend;
  const locks = folder ? readLocks(folder, PROJECT, session.stack) : [];
  for (const lock of locks) refuseIfInUse(session, lock);
  if (folder) removeTornFiles(folder, PROJECT, session.stack);
  if (locks.length === 0) return false;
  for (const lock of locks) removeLock(lock);
  const who = locks.map(describeLock).join("; ");
  notify(`The last update was interrupted (${who}). Its process has ended, so its lock is removed.`);
  return true;
}

function refuseIfInUse(session: Session, lock: StackLock): void {
  const state = lockStatus(lock);
  if (state === "stale") return;
  const where = `stack ${session.stack}`;
  const what = `${describeLock(lock)}, is updating it`;
  if (state === "held") fail("conflict", where, what, `wait until it ends, or end it: kill ${lock.pid}`);
  const fix = `if nothing is running there: ${commandFor(session, "cancel --yes")}`;
  fail("conflict", where, `${what}, on another machine`, fix);
}

/**
 * Ends the script if the stack is being updated. For a backend other than a folder, an empty refresh checks
 * that: it takes the lock, changes nothing, and keeps unfinished operations.
 */
export async function assertIdle(session: Session): Promise<void> {
  const { folder } = session.backend;
  if (folder) {
    for (const lock of readLocks(folder, PROJECT, session.stack)) refuseIfInUse(session, lock);
    return;
  }
  const root = (await readStateIfAny(session))?.resources.find(({ type }) => type === "pulumi:pulumi:Stack");
  if (!root) return;
  const args = ["refresh", "--yes", "--skip-preview", "--non-interactive", "--skip-pending-creates"];
  const { code, stdout, stderr } = await pulumi([...args, "--target", root.urn], { session });
  if (code === 0) return;
  const said = `${stderr}\n${stdout}`
    .split("\n")
    .filter((line) => /error:|locked|conflict|created by/.test(line));
  const isBusy = /locked|conflict/i.test(said.join());
  fail(
    "conflict",
    `stack ${session.stack}`,
    `${isBusy ? "another process is updating it" : "can't be locked"}: ${said
      .join(" ")
      .replace(/^error: /, "")
      .trim()}`,
    isBusy
      ? `wait until that ends; if nothing is running there: ${commandFor(session, "cancel --yes")}`
      : undefined,
  );
}
