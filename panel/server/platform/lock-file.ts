/** Locks that one process holds for a while or a step, told by a file that says who. */
import { randomUUID } from "node:crypto";
import { linkSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { type Holder, isHeldBy, startTime } from "../../../toolchain/lib/lock.ts";

/** A holder on another machine or in another container shows that it lives by touching its lock. */
const HEARTBEAT_MS = 10_000;
const STALE_MS = 6 * HEARTBEAT_MS;
/** How long a step waits for others' steps, and how long between two looks. */
const ACQUIRE_TIMEOUT_MS = 10_000;
const POLL_MS = 5;

/** Who holds a lock. */
export interface LockHolder extends Holder {
  readonly hostname: string;
}

/** A lock that is held until it is let go. */
export interface HeldLock {
  release(): void;
}

/** Takes a lock, or answers who has it. That of a process that is gone is taken over. */
export function acquireLock(file: string): HeldLock | LockHolder {
  const holder = tryLink(file);
  if (holder) return holder;
  const touch = setInterval(() => touchFile(file), HEARTBEAT_MS).unref();
  return {
    release: () => {
      clearInterval(touch);
      rmSync(file, { force: true });
    },
  };
}

export const isHeld = (taken: HeldLock | LockHolder): taken is HeldLock => "release" in taken;

/** Does one short step while no other process does one under the same lock. @throws Error when others go on for ten seconds */
export function withLockFile<T>(file: string, step: () => T): T {
  for (const until = performance.now() + ACQUIRE_TIMEOUT_MS; ; ) {
    const holder = tryLink(file);
    if (!holder) break;
    if (performance.now() > until)
      throw new Error(`${file} is held by process ${holder.pid} on ${holder.hostname}`);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, POLL_MS);
  }
  try {
    return step();
  } finally {
    rmSync(file, { force: true });
  }
}

/** A link is made in one step with its content, so nobody reads a lock that is half written. */
function tryLink(file: string): LockHolder | undefined {
  const mine = `${file}.${randomUUID()}`;
  const me: LockHolder = { pid: process.pid, started: startTime(process.pid), hostname: hostname() };
  writeFileSync(mine, JSON.stringify(me), { mode: 0o600, flag: "wx" });
  try {
    if (link(mine, file)) return undefined;
    const holder = readHolder(file);
    if (holder && isAlive(holder, file)) return holder;
    removeStale(file, holder);
    return link(mine, file) ? undefined : (readHolder(file) ?? me);
  } finally {
    rmSync(mine, { force: true });
  }
}

/** Moves a stale lock aside; what was moved is looked at again, since another process may have taken it over just before. */
function removeStale(file: string, stale: LockHolder | undefined): void {
  const aside = `${file}.${randomUUID()}`;
  try {
    renameSync(file, aside);
  } catch {
    return; // it is gone
  }
  const moved = readHolder(aside);
  if (moved && JSON.stringify(moved) !== JSON.stringify(stale)) link(aside, file);
  rmSync(aside, { force: true });
}

function link(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

function isAlive(holder: LockHolder, file: string): boolean {
  if (holder.hostname === hostname()) return isHeldBy(holder);
  const touched = statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  return Date.now() - touched < STALE_MS;
}

function touchFile(file: string): void {
  try {
    utimesSync(file, new Date(), new Date());
  } catch {
    // somebody has removed it; nothing is to be done about that here
  }
}

function readHolder(file: string): LockHolder | undefined {
  try {
    const { pid, started, hostname: host } = JSON.parse(readFileSync(file, "utf8")) as Partial<LockHolder>;
    const isHolder = typeof pid === "number" && typeof started === "string" && typeof host === "string";
    return isHolder ? { pid, started, hostname: host } : undefined;
  } catch {
    return undefined;
  }
}
