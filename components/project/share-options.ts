/** A project's share of what others use too, as options of its container. */
import { DEFAULT_WEIGHT, type Shares } from "../../config/projects/resources.ts";

/** What Docker gives to a container that says nothing. */
const DEFAULT_CPU_SHARES = 1024;

/**
 * Nothing for a project that says nothing, whose container then stays as it is. The provider changes the weight in place, but can't take it away (Docker
 * reads a 0 as "no change"), so that replaces the container.
 */
export function shareOptions({ weight, files }: Shares) {
  return {
    args: {
      ...(weight === undefined
        ? {}
        : { cpuShares: Math.max(2, Math.round((weight * DEFAULT_CPU_SHARES) / DEFAULT_WEIGHT)) }),
      ...(files === undefined ? {} : { ulimits: [{ name: "nofile", soft: files, hard: files }] }),
    },
    replaceOnChanges: weight === undefined ? ["cpuShares"] : [],
  };
}

/**
 * The shell command that gives a container its weight for the disk: the provider has no setting for it. Few kernels have it (a scheduler such as
 * BFQ), and where one does not, Docker refuses or ignores it. Undefined for a project that says nothing.
 */
export const diskWeight = (container: string, { weight }: Shares): string | undefined =>
  weight === undefined
    ? undefined
    : // The range that Docker takes.
      `docker update --blkio-weight ${Math.min(1000, Math.max(10, weight))} ${container} >/dev/null 2>&1 || :`;
