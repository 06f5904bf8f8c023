import { randomUUID } from "node:crypto";
import { existsSync, linkSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

/** A lock's holder: the start time distinguishes processes that reused an id. */
export interface Holder {
  pid: number;
  started: string;
}

/** Whether a process with this id is running on this machine. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !isZombie(pid);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** A process's start, in the kernel's ticks since boot; empty if the system doesn't report it. */
export function startTime(pid: number): string {
  return statFields(pid)?.[19] ?? "";
}

/** Whether the lock's holder is still running. */
export function isHeldBy(holder: Holder): boolean {
  return isAlive(holder.pid) && (holder.started === "" || startTime(holder.pid) === holder.started);
}

/**
 * Runs `work` while no other process holds the lock. A lock of an ended process is taken over; while another
 * process holds it, `onWait` is called once with the holder.
 */
export async function withLock<T>(
  file: string,
  onWait: (holder: Holder) => void,
  work: () => Promise<T>,
): Promise<T> {
  const me = `${file}.${randomUUID()}`;
  writeFileSync(me, JSON.stringify({ pid: process.pid, started: startTime(process.pid) } satisfies Holder));
  try {
    await acquire(file, me, onWait);
    try {
      return await work();
    } finally {
      rmSync(file, { force: true });
    }
  } finally {
    rmSync(me, { force: true });
  }
}

/** A link appears atomically with its content, so no process reads an unfinished lock. */
async function acquire(file: string, me: string, onWait: (holder: Holder) => void): Promise<void> {
  for (let hasReported = false; ; ) {
    try {
      linkSync(me, file);
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
    const holder = readHolder(file);
    if (holder && isHeldBy(holder)) {
      if (!hasReported) onWait(holder);
      hasReported = true;
      await sleep(500);
    } else if (existsSync(file)) {
      rmSync(file, { force: true });
    }
  }
}

function readHolder(file: string): Holder | undefined {
  try {
    const parsed: unknown = JSON.parse(readFileSync(file, "utf8"));
    const { pid, started } = parsed as Partial<Holder>;
    return typeof pid === "number" && typeof started === "string" ? { pid, started } : undefined;
  } catch {
    return undefined;
  }
}

function isZombie(pid: number): boolean {
  return statFields(pid)?.[0] === "Z";
}

/** Fields of /proc/<pid>/stat after the command's name (which may contain spaces): the state is the first. */
function statFields(pid: number): string[] | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    return text.slice(text.lastIndexOf(")") + 2).split(" ");
  } catch {
    return undefined;
  }
}
