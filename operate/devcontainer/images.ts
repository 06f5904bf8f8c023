/** The images that were built of repositories' devcontainer.json: which a stack needs, and which its host has not. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { checkConfiguration } from "../../config/check.ts";
import { LOCKS_FOLDER } from "../../config/devcontainer/lock.ts";
import { collectProblems, UserError } from "../../config/errors.ts";
import { makeNames, type Names } from "../../config/naming/names.ts";
import { resolveCommand } from "../../config/projects/devcontainer.ts";
import type { Project } from "../../config/projects/project.ts";
import type { RunDocker } from "../docker/containers.ts";
import { dockerOfStack } from "../docker/of-stack.ts";
import { root } from "../engine/checkout.ts";
import type { Session } from "../engine/session.ts";

/** An image that a project is built on. */
interface Needed {
  readonly project: string;
  readonly reference: string;
}

/** Those of a file's projects. */
export const neededImages = (projects: readonly Project[], names: Pick<Names, "devcontainer">): Needed[] =>
  projects.flatMap(({ name, environment }) =>
    environment?.built ? [{ project: name, reference: names.devcontainer(environment.built) }] : [],
  );

/** Whether a host has an image; undefined where its Docker does not say. */
export async function isOnHost(run: RunDocker, reference: string): Promise<boolean | undefined> {
  const { code, stderr } = await run(["image", "inspect", "--format", "{{.Id}}", reference]);
  if (code === 0) return true;
  return /no such (image|object)/i.test(stderr) ? false : undefined;
}

/** The command that builds the image that was written down. */
export const buildCommand = (project: string, stack: string): string =>
  `${resolveCommand(project, stack)} --locked`;

/** The images that projects.yaml names by what was written down; undefined where it is invalid. */
export function imagesOfLocks({ stack }: Pick<Session, "stack">): string[] | undefined {
  const checked = collectProblems([], () => checkConfiguration(root, stack));
  if (!checked) return undefined;
  const names = makeNames(checked.settings.namePrefix);
  return neededImages(checked.projects, names).map(({ reference }) => reference);
}

/**
 * Notifies before an update of each image that is not on the host: another machine has built it, or the droplet is a new one. The update goes on,
 * since it is no matter of other projects.
 */
export async function noteMissingImages(session: Session, notify: (line: string) => void): Promise<void> {
  // Before every update: the files are not read once more where nothing was written down.
  if (!existsSync(join(root, LOCKS_FOLDER))) return;
  try {
    const { projects, settings } = checkConfiguration(root, session.stack);
    const needed = neededImages(projects, makeNames(settings.namePrefix));
    const run = needed.length > 0 ? await dockerOfStack(session, settings) : undefined;
    if (!run) return;
    for (const { project, reference } of needed)
      if ((await isOnHost(run, reference)) === false)
        notify(
          `${project}: its devcontainer's image is not on the host: ${buildCommand(project, session.stack)}`,
        );
  } catch (error) {
    // The update itself says what is wrong with a file or a host.
    if (!(error instanceof UserError)) throw error;
  }
}
