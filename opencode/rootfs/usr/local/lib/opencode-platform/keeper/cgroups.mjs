// A container's memory, by the files of its control group: of version 1 and 2, and wherever Docker's driver has put it.
import { existsSync, readFileSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** What is asked of version 2 at a time. Bytes. */
const PART = 64 * 2 ** 20;
/** Less than this is no progress. Bytes. */
const LITTLE = 2 ** 20;

/**
 * Where a process's group is: version 2 where `memory.current` is; else the `memory` hierarchy of version 1. A Docker within a container sees the path
 * of the outer one too: the longest end of it that exists counts.
 * @param {string} text /proc/<pid>/cgroup
 * @param {(path: string) => boolean} exists
 * @returns {{version: 1 | 2, path: string} | undefined}
 */
export function groupOf(text, root, exists = existsSync) {
  const lines = text.split("\n").map((line) => /^\d+:([^:]*):(.*)$/.exec(line));
  const of = (controller) => lines.find((line) => line?.[1]?.split(",").includes(controller))?.[2];
  const ends = (path = "") => {
    const parts = path.split("/").filter((part) => part && part !== "..");
    return parts.map((_, index) => parts.slice(index).join("/"));
  };
  const one = ends(of("memory")).find((end) => exists(join(root, "memory", end, "memory.usage_in_bytes")));
  if (one) return { version: 1, path: join(root, "memory", one) };
  const two = ends(of("")).find((end) => exists(join(root, end, "memory.current")));
  return two ? { version: 2, path: join(root, two) } : undefined;
}

/** Whether the machine has somewhere to swap to. */
export const hasSwap = (file = "/proc/swaps") => {
  try {
    return readFileSync(file, "utf8").trim().split("\n").length > 1;
  } catch {
    return false;
  }
};

const number = async (path) => Number((await readFile(path, "utf8")).trim());
/** Whatever the kernel says: that it has found less than was asked for, say. */
const tried = (path, text) => writeFile(path, text).catch(() => {});

/** Bytes of a group: in RAM, and in swap. @param {{version: 1 | 2, path: string}} group */
export async function usage({ version, path }) {
  if (version === 1) {
    const stat = await readFile(join(path, "memory.stat"), "utf8");
    const swap = Number(/^total_swap (\d+)$/m.exec(stat)?.[1] ?? 0);
    return { ram: await number(join(path, "memory.usage_in_bytes")), swap };
  }
  return {
    ram: await number(join(path, "memory.current")),
    swap: await number(join(path, "memory.swap.current")).catch(() => 0),
  };
}

/**
 * Lets a group swap, or takes the limit back that Docker has given it: none of its memory then goes to swap, and what is there stays until it is used.
 * @param {{version: 1 | 2, path: string}} group
 * @param {{memory: number, memorySwap: number} | "all"} limit Docker's limits of the container in bytes, memory and swap together; `all` for no limit
 */
export async function limitSwap({ version, path }, limit) {
  if (version === 2) {
    const file = join(path, "memory.swap.max");
    if (!existsSync(file)) return;
    if (limit === "all") return writeFile(file, "max");
    if (limit.memorySwap < limit.memory || limit.memory <= 0) return;
    return writeFile(file, String(limit.memorySwap - limit.memory));
  }
  const file = join(path, "memory.memsw.limit_in_bytes");
  if (!existsSync(file)) return;
  if (limit === "all") return writeFile(file, "-1");
  if (limit.memorySwap > 0) return writeFile(file, String(limit.memorySwap));
}

/** Moves all it can of a group's memory out of RAM. @param {{version: 1 | 2, path: string}} group @param {() => boolean} isWanted asked in between */
export async function reclaim(group, isWanted = () => true) {
  const { version, path } = group;
  for (let before = (await usage(group)).ram; before > LITTLE && isWanted(); ) {
    if (version === 1) await tried(join(path, "memory.force_empty"), "0");
    else await tried(join(path, "memory.reclaim"), String(Math.min(before, PART)));
    const { ram } = await usage(group);
    if (before - ram < LITTLE) break;
    before = ram;
  }
  return usage(group);
}
