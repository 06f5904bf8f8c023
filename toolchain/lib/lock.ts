import { randomUUID } from "node:crypto";
import { existsSync, linkSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

/** Who holds a lock: the start time tells a process from a later one with the same id. */
export interface Holder {
  pid: number;
  started: string;
}

/** Whether a process of this id runs on this machine. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !isZombie(pid);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** When a process started, in the kernel's ticks since boot; empty where the system doesn't say. */
export function startTime(pid: number): string {
  return statFields(pid)?.[19] ?? "";
}

/** Whether the lock's holder still runs. */
export function isHeldBy(holder: Holder): boolean {
  return isAlive(holder.pid) && (holder.started === "" || startTime(holder.pid) === holder.started);
}

/**
 * Runs `work` while no other process holds the lock. A lock whose process is gone is taken over; while another one is
 * at work, `onWait` is called once with its holder.
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

/** A link is made in one step with its content, so no process reads an unfinished lock. */
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
