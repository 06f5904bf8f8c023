import { noteMissingImages } from "../devcontainer/images.ts";
import { type CommandContext, prepareDroplet } from "../droplet/prepare.ts";
import { readStateIfAny } from "../state/state.ts";
import { noteFound } from "../workspaces/found.ts";
import type { Verb } from "./command-line.ts";
import { heal } from "./heal.ts";
import { bringPlugins, preparePlugins } from "./plugins.ts";
import type { ProvisionProgress } from "./prepare.ts";
import type { Session } from "./session.ts";

export interface PrepareOptions extends Partial<CommandContext> {
  /** How a download of plugins is shown. Default: quiet. */
  readonly progress?: ProvisionProgress;
}

/**
 * Prepares the engine's preview or update of any stack: installs the plugins, and repairs what an interrupted
 * update left.
 * @throws UserError if that fails, or the stack is in use
 */
export async function prepareCommand(
  session: Session,
  verb: Verb,
  { flags = new Set(), notify = () => {}, progress = "quiet" }: PrepareOptions = {},
): Promise<void> {
  await preparePlugins(session, bringPlugins(progress));
  if (session.isLocal) await heal(session, notify);
  const deployment = session.isLocal ? undefined : await prepareDroplet(session, verb, { flags, notify });
  if (verb !== "up") return;
  await noteFound(session, deployment ?? (await readStateIfAny(session)), notify);
  await noteMissingImages(session, notify);
}
