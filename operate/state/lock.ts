import { readdirSync, readFileSync, rmSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { isAlive } from "../../toolchain/lib/lock.ts";

/** The Pulumi CLI's lock on a stack of the file backend during an update. */
export interface StackLock {
  file: string;
  pid: number;
  username: string;
  hostname: string;
  timestamp: string;
}

/** A lock's state: its process ended, still runs, or is on another machine. */
export type LockState = "stale" | "held" | "elsewhere";

/** Parses a lock's content; `undefined` if it isn't one. */
export function parseLock(file: string, text: string): StackLock | undefined {
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed !== "object" || parsed === null) return undefined;
    const { pid, username, hostname, timestamp } = parsed as Record<string, unknown>;
    if (typeof pid !== "number" || typeof hostname !== "string") return undefined;
    return { file, pid, hostname, username: String(username ?? ""), timestamp: String(timestamp ?? "") };
  } catch {
    return undefined;
  }
}

/**
 * Determines a lock's state. `runsPulumi` returns whether a process id is a running Pulumi CLI (ids are
 * reused).
 */
export function lockStatus(
  lock: Pick<StackLock, "pid" | "hostname">,
  here: string = hostname(),
  runsPulumi: (pid: number) => boolean = isPulumi,
): LockState {
  if (lock.hostname !== here) return "elsewhere";
  return runsPulumi(lock.pid) ? "held" : "stale";
}

/** Reads the locks on a stack. An unreadable one counts as a stale one of process 0. */
export function readLocks(stateDir: string, project: string, stack: string): StackLock[] {
  const folder = join(stateDir, ".pulumi", "locks", "organization", project, stack);
  return listJson(folder).map((name) => {
    const file = join(folder, name);
    const unreadable = { file, pid: 0, username: "", hostname: hostname(), timestamp: "" };
    return parseLock(file, readFileSync(file, "utf8")) ?? unreadable;
  });
}

export function removeLock(lock: StackLock): void {
  for (const file of [lock.file, `${lock.file}.attrs`]) rmSync(file, { force: true });
}

/** `process 1234 of alice@laptop, since 2026-01-31 12:00:05`. */
export function describeLock({ pid, username, hostname, timestamp }: StackLock): string {
  const since = timestamp ? `, since ${timestamp.slice(0, 19).replace("T", " ")}` : "";
  return `process ${pid} of ${username}@${hostname}${since}`;
}

function listJson(folder: string): string[] {
  try {
    return readdirSync(folder).filter((name) => name.endsWith(".json"));
  } catch {
    return [];
  }
}

/** Without process names in the system, a running process counts as Pulumi. */
function isPulumi(pid: number): boolean {
  if (pid <= 0 || !isAlive(pid)) return false;
  try {
    return /pulumi/.test(readFileSync(`/proc/${pid}/comm`, "utf8"));
  } catch {
    return true;
  }
}
