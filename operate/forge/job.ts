import { checkConfiguration } from "../../config/check.ts";
import { explainError } from "../../config/errors.ts";
import { root } from "../engine/checkout.ts";
import { prepareStack } from "../engine/prepare.ts";
import { prepareCommand } from "../engine/prepare-command.ts";
import type { Session } from "../engine/session.ts";
import type { UpdateEvent } from "../engine/update-events.ts";
import { installCloudflared } from "./cloudflared.ts";
import type { Forge } from "./forge.ts";

/** What every job of the pipeline works with. */
export interface Job {
  readonly session: Session;
  /** Undefined outside of both forges: then everything is only printed. */
  readonly forge: Forge | undefined;
  /** Page of the run. */
  readonly runUrl: string | undefined;
  /** Receives what a person reads in the pipeline's log. */
  readonly print: (text: string) => void;
  /** Receives what is wrong, for the same log. */
  readonly printError: (text: string) => void;
  /** Receives what an update does while it runs. */
  readonly onUpdateEvent: (event: UpdateEvent) => void;
  /** Takes secrets out of what is going to be read by others. */
  readonly redact: (text: string) => string;
}

/** What is wrong, in the words that a terminal would show, without secrets. */
export const explained = ({ redact }: Job, error: unknown): string => redact(explainError(error));

/** Checks the files, which costs a second, and then sees to it that the engine and the stack are there. */
export async function prepareJob({ session, print }: Job): Promise<void> {
  const { settings } = checkConfiguration(root, session.stack);
  await prepareStack(session, "plain");
  if (settings.production?.sshThrough === "tunnel") await installCloudflared(print);
}

/** Does what has to be done before the engine; answers what was noticed, such as a droplet that is gone. */
export async function lookAround({ session, print }: Job, verb: "up" | "preview"): Promise<string[]> {
  const notes: string[] = [];
  const notify = (line: string) => {
    print(line);
    notes.push(line);
  };
  await prepareCommand(session, verb, { notify, progress: "plain" });
  return notes;
}
