/** Shared by the scripts that delete or reset what projects have left on a stack's host. */
import { checkConfiguration } from "../../config/check.ts";
import { fail } from "../../config/errors.ts";
import { makeNames } from "../../config/naming/names.ts";
import type { Settings } from "../../config/stack/settings.ts";
import { isoDay } from "../../config/text/days.ts";
import { formatSize } from "../../config/text/sizes.ts";
import { root } from "../../operate/engine/checkout.ts";
import { parseCommandLine } from "../../operate/engine/command-line.ts";
import { sessionFor } from "../../operate/engine/session.ts";
import { makeStorage, type Storage } from "../../operate/storage/client.ts";
import type { Left } from "../../operate/workspaces/left.ts";
import { placeOf, type WorkspacesPlace } from "../../operate/workspaces/place.ts";
import { ask } from "./ask.ts";
import { table } from "./table.ts";

const FLAGS = ["--yes", "-y", "--stack", "-s"];

export interface LeftCommand {
  /** The name on the command line, unchecked; undefined without one. */
  readonly name: string | undefined;
  /** Names of the projects in projects.yaml. */
  readonly projects: readonly string[];
  readonly settings: Settings;
  readonly place: WorkspacesPlace;
  /** The stack's storage program, which takes backups. */
  readonly storage: Storage;
  /** Whether `--yes` is given. */
  readonly isSure: boolean;
  /** The flags that are given. */
  readonly flags: ReadonlySet<string>;
}

/**
 * Parses `[<name>] [--yes] [--stack prod]`, and further flags.
 * @throws UserError for anything else, or if the stack has no host
 */
export async function readLeftCommand(
  script: string,
  args: readonly string[],
  further: readonly string[] = [],
): Promise<LeftCommand> {
  const line = parseCommandLine(args);
  const [name, ...rest] = line.words;
  const usage = `npm run ${script} -- <name> [--yes]${further.map((flag) => ` [${flag}]`).join("")} [--stack prod]`;
  const unknown = [...rest, ...[...line.flags].filter((flag) => ![...FLAGS, ...further].includes(flag))];
  if (unknown.length > 0) fail("config", `npm run ${script}`, `does not know "${unknown.join(" ")}"`, usage);
  const session = sessionFor({ ...line, words: ["up"] });
  const { projects, settings } = checkConfiguration(root, session.stack);
  const place = await placeOf(session);
  if (!place) return fail("conflict", session.stack, "has no droplet, so there is nothing on one");
  const isSure = line.flags.has("--yes") || line.flags.has("-y");
  return {
    name,
    projects: projects.map(({ name }) => name),
    settings,
    place,
    storage: makeStorage(place.docker, makeNames(settings.namePrefix).storage),
    isSure,
    flags: line.flags,
  };
}

/** Ends the script unless the person types the name, or has said `--yes`. */
export async function confirm(name: string, isSure: boolean, what: string): Promise<void> {
  if (isSure || (await ask(`Type ${name} to confirm: `)) === name) return;
  fail("config", name, `not ${what}: the name did not match`);
}

/** A table of what was left behind. */
export const leftTable = (left: readonly Left[]): string[] =>
  table(
    ["LEFT BEHIND", "SIZE", "LAST USED"],
    left.map(({ name, bytes, lastUsed }) => [
      name,
      bytes === undefined ? "unknown" : formatSize(bytes),
      lastUsed === undefined ? "never" : isoDay(lastUsed),
    ]),
  );
