import { readdirSync, readFileSync } from "node:fs";

/** One process, from /proc. */
export interface Process {
  readonly pid: number;
  readonly parent: number;
  readonly command: string;
  /** Resident memory in bytes. */
  readonly rss: number;
}

/** Memory of a process's descendants, by kind. */
export function memoryBelow(processes: readonly Process[], root: number): Map<string, number> {
  const found = new Map<string, number>();
  const visit = (parent: number) => {
    for (const child of processes.filter((process) => process.parent === parent)) {
      found.set(child.command, (found.get(child.command) ?? 0) + child.rss);
      visit(child.pid);
    }
  };
  visit(root);
  return found;
}

/** Peak memory of this process's descendants while `work` runs, in bytes; Linux only. */
export async function peakMemory(work: () => Promise<unknown>): Promise<number> {
  let peak = 0;
  const timer = setInterval(() => {
    const now = [...memoryBelow(processes(), process.pid).values()].reduce((sum, rss) => sum + rss, 0);
    peak = Math.max(peak, now);
  }, 40);
  try {
    await work();
  } finally {
    clearInterval(timer);
  }
  return peak;
}

/** All running processes; Linux only. */
export function processes(): Process[] {
  return readdirSync("/proc").flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      return [parseStatus(readFileSync(`/proc/${name}/status`, "utf8"))];
    } catch {
      return []; // it has exited meanwhile
    }
  });
}

/** Reads `/proc/<pid>/status`. */
export function parseStatus(text: string): Process {
  const field = (name: string) => new RegExp(`^${name}:\\s*(.+)$`, "m").exec(text)?.[1] ?? "";
  return {
    pid: Number(field("Pid")),
    parent: Number(field("PPid")),
    command: field("Name"),
    rss: (Number.parseInt(field("VmRSS"), 10) || 0) * 1024,
  };
}
