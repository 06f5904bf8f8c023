import { readFileSync } from "node:fs";

/** Milliseconds of a clock tick, in which Linux reports CPU time. */
const TICK_MS = 10;

/** What processes have cost so far, and hold now; Linux only. */
export interface Cost {
  /** Milliseconds of processor time. */
  readonly processor: number;
  /** Bytes of memory; a page that several share counts in parts, so that a sum counts it once. */
  readonly memory: number;
}

/** The sum over processes. One that has ended is an error: it would be missing from the sum. */
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

/** Milliseconds that the processors of this machine have worked for anybody. */
export const machineTime = (): number => parseMachine(readFileSync("/proc/stat", "utf8"));

/** Processor time of a process in `/proc/<pid>/stat`: its own, in and out of the kernel. */
export function parseStat(text: string): number {
  // The name before it may have anything in it, also brackets.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return TICK_MS * (Number(fields[11]) + Number(fields[12]));
}

/** Memory of a process in `/proc/<pid>/smaps_rollup`. */
export function parseSmaps(text: string): number {
  const [, kibibytes] = /^Pss:\s+(\d+) kB$/m.exec(text) ?? [];
  if (kibibytes === undefined) throw new Error("smaps_rollup says no Pss");
  return Number(kibibytes) * 1024;
}

/** The time in `/proc/stat` that processors have not been idle, nor waiting for a disk, nor with another guest of the host. */
export function parseMachine(text: string): number {
  const [, user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0] =
    /^cpu .*$/m
      .exec(text)?.[0]
      .split(/\s+/)
      .map((field) => Number(field) || 0) ?? [];
  return TICK_MS * (user + nice + system + irq + softirq);
}
