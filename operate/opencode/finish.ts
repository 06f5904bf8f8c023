/** What comes after an update that has succeeded. */
import type { Settings } from "../../config/stack/settings.ts";
import { removeImagesAfterUpdate } from "../docker/old-images.ts";
import type { Session } from "../engine/session.ts";
import { finishUpgrades } from "./upgrades.ts";

/**
 * Follows changes of release to their end, and then removes images that nothing uses any more: until then, a project may have to go back to one.
 * @param only the only project to follow. Default: all
 * @returns whether all succeeded
 */
export async function finishUpdate(
  session: Session,
  settings: Settings,
  notify: (line: string) => void,
  only: Parameters<typeof finishUpgrades>[3] = {},
): Promise<boolean> {
  if (!(await finishUpgrades(session, settings, notify, only))) return false;
  await removeImagesAfterUpdate(session, settings, notify);
  return true;
}
