import { beforeDroplet, type Intent } from "../droplet/prepare.ts";
import type { Verb } from "./command-line.ts";
import { heal } from "./heal.ts";
import { preparePlugins } from "./plugins.ts";
import type { Session } from "./session.ts";

/** What has to be done before the engine previews or changes a stack, whichever it is. Ends the script where that can't be. */
export async function beforeVerb(session: Session, verb: Verb, intent: Partial<Intent> = {}): Promise<void> {
  await preparePlugins(session);
  const { flags = new Set<string>(), say = console.log } = intent;
  if (session.isLocal) await heal(session, say);
  else await beforeDroplet(session, verb, { flags, say });
}
