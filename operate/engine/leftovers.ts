import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { isAlive } from "../../toolchain/lib/lock.ts";

/** The fields of a process that matter here. */
export interface ProcessInfo {
  pid: number;
  parent: number;
  /** The command's short name. */
  name: string;
  commandLine: string;
  /** Whether its environment has this checkout's state as the backend. */
  ofCheckout: boolean;
}

/**
 * Plugins and language hosts of this checkout whose engine no longer runs. They would continue creating
 * resources
 * during the next update.
 */
export function orphans(processes: readonly ProcessInfo[]): ProcessInfo[] {
  const byPid = new Map(processes.map((process) => [process.pid, process]));
  const hasEngine = (process: ProcessInfo): boolean => {
    const seen = new Set<number>();
    for (
      let above = byPid.get(process.parent);
      above && !seen.has(above.pid);
      above = byPid.get(above.parent)
    ) {
      if (above.name === "pulumi") return true;
      seen.add(above.pid);
    }
    return false;
  };
  const isHelper = ({ commandLine }: ProcessInfo) =>
    /pulumi-(resource|language)-|@pulumi\/pulumi\/cmd\/run/.test(commandLine);
  return processes.filter((process) => process.ofCheckout && isHelper(process) && !hasEngine(process));
}

/** Ends a checkout's orphans; returns their number. Only where processes are visible in /proc. */
export async function endOrphans(backendUrl: string): Promise<number> {
  const found = orphans(listProcesses(backendUrl));
  for (const { pid } of found) signal(pid, "SIGTERM");
  for (let waited = 0; waited < 2000 && found.some(({ pid }) => isAlive(pid)); waited += 50) await sleep(50);
  for (const { pid } of found) if (isAlive(pid)) signal(pid, "SIGKILL");
  return found.length;
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // it has already ended
  }
}

function listProcesses(backendUrl: string): ProcessInfo[] {
  const marker = `PULUMI_BACKEND_URL=${backendUrl}`;
  return listProc().flatMap((entry) => {
    try {
      const read = (name: string) => readFileSync(`/proc/${entry}/${name}`, "utf8");
      const stat = read("stat");
      return {
        pid: Number(entry),
        parent: Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]),
        name: stat.slice(stat.indexOf("(") + 1, stat.lastIndexOf(")")),
        commandLine: read("cmdline").replaceAll("\0", " "),
        ofCheckout: read("environ").split("\0").includes(marker),
      };
    } catch {
      return [];
    }
  });
}

function listProc(): string[] {
  try {
    return readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  } catch {
    return [];
  }
}
