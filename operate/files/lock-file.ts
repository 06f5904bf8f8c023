/** Lock files that name the process holding them. */
import { randomUUID } from "node:crypto";
import { linkSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { type Holder, isHeldBy, startTime } from "../../toolchain/lib/lock.ts";

/** A holder touches its lock at this interval, for processes on other machines or in other containers. */
const HEARTBEAT_MS = 10_000;
const STALE_MS = 6 * HEARTBEAT_MS;
/** Milliseconds that `withLockFile` waits for other holders, and between two tries. */
const ACQUIRE_TIMEOUT_MS = 10_000;
const POLL_MS = 5;

/** The process that holds a lock. */
export interface LockHolder extends Holder {
  readonly hostname: string;
}

/** A lock held until `release`. */
export interface HeldLock {
  release(): void;
}

/** Acquires a lock, or returns its holder. Takes over the lock of a dead process. */
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

/** Runs a short step under a lock. @throws Error if the lock is held for ten seconds */
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

/** Links a complete file into place, which is atomic, so that no process reads a partial lock. */
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

/** Moves a stale lock aside, and back if another process had just taken it over. */
function removeStale(file: string, stale: LockHolder | undefined): void {
  const aside = `${file}.${randomUUID()}`;
  try {
    renameSync(file, aside);
  } catch {
    return; // already removed
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
    // the lock was removed
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
