import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { isAlive } from "../../toolchain/lib/lock.ts";

/** A process, as far as it matters here. */
export interface ProcessInfo {
  pid: number;
  parent: number;
  /** The command's short name. */
  name: string;
  commandLine: string;
  /** Its environment holds this checkout's state as the backend. */
  ofCheckout: boolean;
}

/**
 * Plugins and language hosts of this checkout whose engine is gone. They would go on creating what they were asked for,
 * beside the next update.
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

/** Ends the orphans of a checkout; answers how many there were. Only where the system shows its processes in /proc. */
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
    // it has ended by itself
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
