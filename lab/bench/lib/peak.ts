import { readdirSync, readFileSync } from "node:fs";

/** One process, as /proc reports it. */
export interface Process {
  readonly pid: number;
  readonly parent: number;
  readonly command: string;
  /** Resident memory in bytes. */
  readonly rss: number;
}

/** Memory of the processes below one, by what they are. */
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

/** The most memory that this process's children had at one time while `work` ran, in bytes; Linux only. */
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

/** All that run now; Linux only. */
export function processes(): Process[] {
  return readdirSync("/proc").flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      return [parseStatus(readFileSync(`/proc/${name}/status`, "utf8"))];
    } catch {
      return []; // it has exited in the meantime
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
