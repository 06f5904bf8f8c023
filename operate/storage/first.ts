/** Takes a checkpoint before something that may go wrong for a project. */
import type { Storage } from "./client.ts";

/** What it is taken before. */
export type FirstReason = "before-upgrade" | "before-setup";

/** Of projects that have none by their entry, or would stand still for as long as a copy takes: nobody has asked for one. */
const isNone = (project: string, reason: string): boolean =>
  reason === `${project} has no checkpoints` || reason === `${project} would have to be copied`;

/**
 * Where it costs nothing: on btrfs, with a subvolume for each directory. What keeps it from being taken keeps nobody from what follows, which is what the person has asked for.
 * @param notify receives why there is none, where there should be one
 */
export async function checkpointFirst(
  storage: Pick<Storage, "status" | "checkpoint">,
  project: string,
  reason: FirstReason,
  notify: (line: string) => void,
): Promise<void> {
  const status = await storage.status();
  if (status.kind !== "answered" || status.value.fileSystem !== "btrfs") return;
  const taken = await storage.checkpoint(project, { reason });
  if (taken.kind === "refused" && isNone(project, taken.reason)) return;
  if (taken.kind !== "answered") notify(`${project} has no checkpoint ${reason}: ${taken.reason}`);
}
