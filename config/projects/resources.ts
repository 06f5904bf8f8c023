/** `resources` of the defaults and of an entry: a container's limits, and what keeps a project from taking from others. */
import * as z from "zod";
import { show } from "../text/show.ts";
import { type Size, sizeOf } from "../text/sizes.ts";
import { MINIMUM_MEMORY, memory, memorySize } from "./field-schemas.ts";

/** What a project gets where neither its entry nor `defaults` says otherwise. */
export const DEFAULT_RESOURCES = { memory: sizeOf("2GiB"), cpus: 1, pids: 512 } as const;

/** What a project may have beside the limits that every project has. Absent: as every container. */
export interface Shares {
  /** Most that its workspace and home may take together, where the host can hold it to that. */
  readonly disk?: Size;
  /** Its share of processors that others want too, where an ordinary project has DEFAULT_WEIGHT. */
  readonly weight?: number;
  /** Most files that one of its processes may have open. */
  readonly files?: number;
}

/** As in control groups of version 2. */
export const DEFAULT_WEIGHT = 100;
/** With less there is no room for opencode's database and a clone. */
const MINIMUM_DISK = sizeOf("1GiB");
/** Part of a volume that a project gets where nobody says otherwise: none can fill it alone, and five that are full are still no more than it. */
const DEFAULT_PART = 5;

/** A project's disk where neither its entry nor `defaults` says: of a volume of so many GiB, in bytes. */
export const defaultDiskBytes = (volumeSize: number): number =>
  Math.max(1, Math.floor(volumeSize / DEFAULT_PART)) * 2 ** 30;

const shares = {
  disk: memorySize
    .refine(({ bytes }) => bytes >= MINIMUM_DISK.bytes, {
      error: ({ input }) => `${show((input as Size).text)} is too little: ${MINIMUM_DISK.text} or more`,
    })
    .optional()
    .describe(
      `What workspace and home may take on the disk together, a number with MiB, GiB, MB or GB; at least ${MINIMUM_DISK.text}. Holds on a droplet whose volume is btrfs, and on a machine where root runs the platform and workspaces are on btrfs. Default: a fifth of a droplet's volume.`,
    )
    .meta({ examples: ["10GiB"] }),
  weight: z
    .int()
    .min(1)
    .max(1000)
    .optional()
    .describe(
      `Share of processors (and of the disk's time, where the kernel has that) that others want too: one with 200 gets twice as much as one with ${DEFAULT_WEIGHT}. Default: ${DEFAULT_WEIGHT}.`,
    ),
  files: z
    .int()
    .min(1024)
    .max(1_048_576)
    .optional()
    .describe("Maximum number of files that a process may have open. Default: Docker's own."),
};

/** The key `resources`. */
export const resources = z.strictObject({
  memory: memory
    .optional()
    .describe(
      `Memory limit, a number with MiB, GiB, MB or GB; at least ${MINIMUM_MEMORY.text}. A project that exceeds it is restarted. Default: ${DEFAULT_RESOURCES.memory.text}.`,
    ),
  cpus: z
    .number()
    .min(0.1)
    .optional()
    .describe(`Maximum number of CPUs; may be fractional. Default: ${DEFAULT_RESOURCES.cpus}.`),
  pids: z
    .int()
    .min(64)
    .max(4_194_304)
    .optional()
    .describe(`Maximum number of processes and threads. Default: ${DEFAULT_RESOURCES.pids}.`),
  ...shares,
});
