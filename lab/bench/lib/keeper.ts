/** What the figures ask of a platform's keeper, and what a container takes of the machine's memory. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ASK } from "../../../operate/keeper/client.ts";
import { docker } from "./docker.ts";
import type { Platform } from "./platform.ts";
import { untilDone } from "./rounds.ts";

/** For a project to have said what it does, and for its sessions to end. */
const PATIENCE = { patienceMs: 15 * 60_000, everyMs: 200 };

/** Puts a project to sleep once it may, and ends when it is: one that has just started or answered is refused for a moment. */
export const putToSleep = ({ names }: Platform, project: string): Promise<string> =>
  untilDone(() => docker("exec", names.keeper, ASK, "sleep", project), PATIENCE);

/** Bytes of a container in RAM and in swap, without the page cache that the kernel may drop. */
export interface Taken {
  readonly ram: number;
  readonly swap: number;
}

export async function takenBy(container: string): Promise<Taken> {
  const folder = cgroupOf((await docker("inspect", "--format", "{{.Id}}", container)).trim());
  const read = (file: string) => readFileSync(join(folder, file), "utf8");
  const stat = Object.fromEntries(
    read("memory.stat")
      .split("\n")
      .map((line) => line.split(" ")),
  ) as Record<string, string>;
  const value = (key: string) => Number(stat[key] ?? 0);
  // Version 2 has swap in a file of its own.
  if (existsSync(join(folder, "memory.swap.current")))
    return {
      ram: Number(read("memory.current")) - value("inactive_file"),
      swap: Number(read("memory.swap.current")),
    };
  return {
    ram: Number(read("memory.usage_in_bytes")) - value("total_inactive_file"),
    swap: value("total_swap"),
  };
}

/** The folder of a container's memory, with either version of cgroups and either of Docker's drivers. */
function cgroupOf(id: string): string {
  const roots = ["/sys/fs/cgroup/memory", "/sys/fs/cgroup"].flatMap((root) => [
    join(root, "docker", id),
    join(root, "system.slice", `docker-${id}.scope`),
  ]);
  const found = roots.find((folder) => existsSync(join(folder, "memory.stat")));
  if (!found) throw new Error(`no cgroup of ${id} in ${readdirSync("/sys/fs/cgroup").join(", ")}`);
  return found;
}
