import { readdirSync, readFileSync, rmSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { isAlive } from "../../toolchain/lib/lock.ts";

/** A lock that the Pulumi CLI puts beside a stack of the file backend while it updates it. */
export interface StackLock {
  file: string;
  pid: number;
  username: string;
  hostname: string;
  timestamp: string;
}

/** What is to be done about a lock: its process is gone, still runs, or can't be judged because it is on another machine. */
export type LockState = "stale" | "held" | "elsewhere";

/** Reads a lock's content; `undefined` when it isn't one. */
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

/** Judges a lock. `runsPulumi` tells whether a process of that id is there and is a Pulumi CLI (ids are used again). */
export function lockStatus(
  lock: Pick<StackLock, "pid" | "hostname">,
  here: string = hostname(),
  runsPulumi: (pid: number) => boolean = isPulumi,
): LockState {
  if (lock.hostname !== here) return "elsewhere";
  return runsPulumi(lock.pid) ? "held" : "stale";
}

/** The locks on a stack. One that can't be read counts as a stale one of process 0. */
export function readLocks(stateDir: string, project: string, stack: string): StackLock[] {
  const folder = join(stateDir, ".pulumi", "locks", "organization", project, stack);
  return listJson(folder).map((name) => {
    const file = join(folder, name);
    const nobody = { file, pid: 0, username: "", hostname: hostname(), timestamp: "" };
    return parseLock(file, readFileSync(file, "utf8")) ?? nobody;
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

/** Where the system tells no names of processes, one that runs is taken for Pulumi. */
function isPulumi(pid: number): boolean {
  if (pid <= 0 || !isAlive(pid)) return false;
  try {
    return /pulumi/.test(readFileSync(`/proc/${pid}/comm`, "utf8"));
  } catch {
    return true;
  }
}
