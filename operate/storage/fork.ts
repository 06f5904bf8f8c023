/** Adds a project whose files are made of another's: a fork, or a restore under another name. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { checkProjectsText } from "../../config/check.ts";
import { fail } from "../../config/errors.ts";
import { PROJECT_NAME_PATTERN } from "../../config/projects/field-schemas.ts";
import { readOverlay } from "../../config/projects/load.ts";
import { type NamedText, PROJECTS_FILE } from "../../config/projects/overlay.ts";
import { applyProject } from "../engine/apply.ts";
import type { Change } from "../engine/changes.ts";
import { root } from "../engine/checkout.ts";
import { prepareStack } from "../engine/prepare.ts";
import { prepareCommand } from "../engine/prepare-command.ts";
import type { Session } from "../engine/session.ts";
import type { UpdateOptions } from "../engine/update.ts";
import { withLockFile } from "../files/lock-file.ts";
import { replaceFile } from "../files/replace-file.ts";
import { purge } from "../workspaces/left.ts";
import { placeOf } from "../workspaces/place.ts";
import type { CopyOwner } from "./client.ts";
import { entryIn, ownSecrets, withCopiedEntry, withCopiedSecrets } from "./copy-entry.ts";
import { ownerOf } from "./user.ts";

export interface NewCopy {
  readonly session: Session;
  /** Whose entry and secrets it gets. */
  readonly from: string;
  readonly to: string;
  /** Makes its workspace and home. @throws UserError; nothing is left then */
  readonly fill: (owner: CopyOwner) => Promise<void>;
  /** Receives lines for people. */
  readonly notify: (line: string) => void;
}

/** Adds the entry and updates it alone. @returns the changes @throws UserError; before the update has changed anything, all is as it was */
export type AddCopy = (onUpdateEvent: UpdateOptions["onUpdateEvent"]) => Promise<readonly Change[]>;

/**
 * Makes the copy's files. Once in a process.
 * @returns what does the rest
 * @throws UserError; nothing is changed then
 */
export async function beginCopy({ session, from, to, fill, notify }: NewCopy): Promise<AddCopy> {
  // First, so that a wrong name costs nothing; and once more with the texts that are edited.
  copiedTexts(root, session.stack, from, to);
  await prepareStack(session);
  await prepareCommand(session, "up", { notify });
  await fill(ownerOf(session, to));
  return async (onUpdateEvent) => {
    let isUnused = true;
    try {
      const restore = writeCopy(session.stack, from, to);
      isUnused = false;
      const onUnchanged = () => {
        restore();
        isUnused = true;
      };
      return await applyProject(session, to, { inProcess: true, onUpdateEvent, onUnchanged });
    } catch (error) {
      if (isUnused) await discard(session, to, notify);
      throw error;
    }
  };
}

/** Deletes a copy that no entry has. What went wrong before is what the person has to know. */
async function discard(session: Session, name: string, notify: (line: string) => void): Promise<void> {
  try {
    const place = await placeOf(session);
    if (place) await purge(place, name);
  } catch (error) {
    notify(`The copy ${name} is left behind: ${(error as Error).message}`);
  }
}

/** A file of the checkout, before and after. */
interface Edited {
  readonly path: string;
  readonly before: string;
  readonly after: string;
}

/**
 * The checkout's files with a copy of an entry, and with its secrets.
 * @throws UserError for an unknown entry, a name that can't be used, or a stack that can't have the copy
 */
export function copiedTexts(checkout: string, stack: string, from: string, to: string): Edited[] {
  if (!PROJECT_NAME_PATTERN.test(to))
    fail("config", to, "is not a project's name", "lower-case letters, digits and hyphens");
  const base = readFileSync(join(checkout, PROJECTS_FILE), "utf8");
  const overlay = readOverlay(checkout, stack);
  const files = [{ file: PROJECTS_FILE, text: base }, ...(overlay ? [overlay] : [])];
  const has = (name: string) => files.find(({ text }) => entryIn(text, name));
  if (!has(from)) fail("config", from, `is not in ${PROJECTS_FILE}`, "npm run check lists all names");
  const taken = has(to);
  if (taken) fail("conflict", to, `is already in ${taken.file}`, "choose another name");
  const edited = files.map(({ file, text }) =>
    edit(checkout, file, text, withCopiedEntry(text, from, to, file)),
  );
  const stackFile = `Pulumi.${stack}.yaml`;
  const secrets = existsSync(join(checkout, stackFile))
    ? readFileSync(join(checkout, stackFile), "utf8")
    : "";
  const [newBase = base, newOverlay] = edited.map(({ after }) => after);
  const laidOver: NamedText | undefined = overlay && { ...overlay, text: newOverlay ?? overlay.text };
  checkProjectsText(checkout, stack, newBase, { project: to, names: ownSecrets(secrets, from) }, laidOver);
  // Its secrets first: whoever reads the entry then finds them.
  return [edit(checkout, stackFile, secrets, withCopiedSecrets(secrets, from, to)), ...edited].filter(
    ({ before, after }) => before !== after,
  );
}

const edit = (checkout: string, file: string, before: string, after: string): Edited => ({
  path: join(checkout, file),
  before,
  after,
});

/**
 * Writes them under the lock that the panel's edits take, all or none.
 * @returns what undoes it, for each file that has not been changed since
 */
export function writeCopy(stack: string, from: string, to: string, checkout = root): () => void {
  const lock = join(checkout, `.${PROJECTS_FILE}.lock`);
  const written: Edited[] = [];
  const undo = () => {
    for (const { path, before, after } of written.splice(0).reverse())
      if (readFileSync(path, "utf8") === after) replaceFile(path, before);
  };
  withLockFile(lock, () => {
    try {
      for (const edited of copiedTexts(checkout, stack, from, to)) {
        replace(edited);
        written.push(edited);
      }
    } catch (error) {
      undo();
      throw error;
    }
  });
  return () => withLockFile(lock, undo);
}

function replace({ path, before, after }: Edited): void {
  replaceFile(path, after, () => {
    if (readFileSync(path, "utf8") !== before)
      fail("conflict", path, "was changed meanwhile", "run the command again");
  });
}
