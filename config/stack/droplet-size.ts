/** What a droplet's size says of it by its name: `s-4vcpu-8gb`. */

const GIB = 2 ** 30;

/** What a droplet has, as far as its size says. */
export function dropletCapacity(size = ""): { hostMemoryBytes?: number; hostCpus?: number } {
  const [, cpus, memory] = /^(?!gpu)[a-z0-9_]+-(\d+)vcpu-(\d+)gb(?:-|$)/.exec(size) ?? [];
  if (cpus === undefined || memory === undefined) return {};
  return { hostMemoryBytes: Number(memory) * GIB, hostCpus: Number(cpus) };
}

/** GiB of swap for a size whose name says nothing. */
const UNKNOWN_SWAP = 2;
const MOST_SWAP = 64;

/**
 * Swap of a droplet in GiB where the setting does not say, for the memory of sleeping projects (0.2 to 0.5 GiB each). Basic droplets (`s-…`) have 20
 * to 25 GB of disk for each GB of memory, of which four times the memory is about a sixth: room for some 70 that sleep beside the dozen that fit
 * into the memory. Others have as little as 3 GB of disk for each (`g-2vcpu-8gb`: 25 GB), of which half the memory is about as much.
 */
export function defaultSwap(size: string): number {
  const { hostMemoryBytes } = dropletCapacity(size);
  if (hostMemoryBytes === undefined) return UNKNOWN_SWAP;
  const times = size.startsWith("s-") ? 4 : 0.5;
  return Math.min(MOST_SWAP, Math.max(1, Math.round((hostMemoryBytes / GIB) * times)));
}
