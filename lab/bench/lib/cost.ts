import { readFileSync } from "node:fs";

/** Milliseconds of a clock tick, Linux's unit of CPU time. */
const TICK_MS = 10;

/** Resource usage of processes; Linux only. */
export interface Cost {
  /** Milliseconds of CPU time. */
  readonly processor: number;
  /** Bytes of memory; shared pages are counted proportionally. */
  readonly memory: number;
}

/** Sums over processes. Throws if one has ended, as the sum would lack it. */
export function costOf(pids: readonly number[]): Cost {
  const read = (pid: number, file: string) => readFileSync(`/proc/${pid}/${file}`, "utf8");
  const costs = pids.map((pid) => ({
    processor: parseStat(read(pid, "stat")),
    memory: parseSmaps(read(pid, "smaps_rollup")),
  }));
  return {
    processor: costs.reduce((sum, { processor }) => sum + processor, 0),
    memory: costs.reduce((sum, { memory }) => sum + memory, 0),
  };
}

/** Milliseconds of CPU time used by the whole machine. */
export const machineTime = (): number => parseMachine(readFileSync("/proc/stat", "utf8"));

/** CPU time of a process in `/proc/<pid>/stat`, user and kernel. */
export function parseStat(text: string): number {
  // The name before it may contain anything, even brackets.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return TICK_MS * (Number(fields[11]) + Number(fields[12]));
}

/** Memory of a process in `/proc/<pid>/smaps_rollup`. */
export function parseSmaps(text: string): number {
  const [, kibibytes] = /^Pss:\s+(\d+) kB$/m.exec(text) ?? [];
  if (kibibytes === undefined) throw new Error("smaps_rollup has no Pss");
  return Number(kibibytes) * 1024;
}

/** The time in `/proc/stat` that CPUs were not idle, waiting for a disk, or stolen by another guest. */
export function parseMachine(text: string): number {
  const [, user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0] =
    /^cpu .*$/m
      .exec(text)?.[0]
      .split(/\s+/)
      .map((field) => Number(field) || 0) ?? [];
  return TICK_MS * (user + nice + system + irq + softirq);
}
