import { checkConfiguration } from "../../config/check.ts";
import { explainError } from "../../config/errors.ts";
import { root } from "../engine/checkout.ts";
import { prepareStack } from "../engine/prepare.ts";
import { prepareCommand } from "../engine/prepare-command.ts";
import type { Session } from "../engine/session.ts";
import type { UpdateEvent } from "../engine/update-events.ts";
import { installCloudflared } from "./cloudflared.ts";
import type { Forge } from "./forge.ts";

/** Context of every job of the pipeline. */
export interface Job {
  readonly session: Session;
  /** Of a preview: the folder with the files of the change. Default: those of this checkout. */
  readonly files?: string | undefined;
  /** Undefined outside both forges: then results are only printed. */
  readonly forge: Forge | undefined;
  /** URL of the run. */
  readonly runUrl: string | undefined;
  /** Receives lines for the pipeline's log. */
  readonly print: (text: string) => void;
  /** Receives problems, for the same log. */
  readonly printError: (text: string) => void;
  /** Receives the progress of an update. */
  readonly onUpdateEvent: (event: UpdateEvent) => void;
  /** Redacts text that is published. */
  readonly redact: (text: string) => string;
}

/** An error as the terminal shows it, redacted. */
export const explained = ({ redact }: Job, error: unknown): string => redact(explainError(error));

/** Checks the files, which takes a second, then prepares the engine and the stack. */
export async function prepareJob({ session, print }: Job): Promise<void> {
  const { settings } = checkConfiguration(root, session.stack);
  await prepareStack(session, "plain");
  if (settings.production?.sshThrough === "tunnel") await installCloudflared(print);
}

/** Prepares the engine's work; returns notices, such as a lost droplet. */
export async function lookAround({ session, print }: Job, verb: "up" | "preview"): Promise<string[]> {
  const notes: string[] = [];
  const notify = (line: string) => {
    print(line);
    notes.push(line);
  };
  await prepareCommand(session, verb, { notify, progress: "plain" });
  return notes;
}
