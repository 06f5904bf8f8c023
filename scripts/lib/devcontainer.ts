/** What `npm run devcontainer` is given: an entry, or a clone. */
import { existsSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { checkConfiguration } from "../../config/check.ts";
import { findDevcontainer } from "../../config/devcontainer/find.ts";
import { readDevcontainer } from "../../config/devcontainer/read.ts";
import { fail, UserError } from "../../config/errors.ts";
import { PROJECT_NAME_PATTERN } from "../../config/projects/field-schemas.ts";
import { shellQuote } from "../../config/text/shell.ts";
import { renderFile } from "../../config/text/yaml-render.ts";
import { cliVersion } from "../../operate/devcontainer/cli.ts";
import { root } from "../../operate/engine/checkout.ts";
import type { Session } from "../../operate/engine/session.ts";

/**
 * Prints the entry that the devcontainer.json of a clone amounts to.
 * @param named the file's path in the clone. Default: the specification's places
 * @returns the exit code
 * @throws UserError with what is wrong with it
 */
export function printEntry(repository: string, named: string | undefined): number {
  const file = named ?? findDevcontainer(repository);
  const path = join(repository, file);
  if (!existsSync(path)) return fail("config", path, "not found");
  const base = basename(repository).toLowerCase();
  const name = PROJECT_NAME_PATTERN.test(base) ? base : "project";
  const { entry: read, isBuilt, left } = readDevcontainer(readFileSync(path, "utf8"), file, name);
  const { start, ...entry } = read;
  const image = isBuilt ? `${name}-devcontainer:1` : entry.image;
  console.log(renderFile({ projects: [{ name, image, ...entry }] }).trimEnd());
  if (isBuilt) {
    const options = `--workspace-folder ${shellQuote(repository)} --config ${shellQuote(path)} --image-name ${image}`;
    console.log(
      [
        "",
        "# Its image is built from a Dockerfile or with features: by devcontainer: true in the entry and npm run devcontainer -- <name>, or anywhere:",
        `#   npx @devcontainers/cli@${cliVersion()} build ${options}`,
      ].join("\n"),
    );
  }
  const atStart = start
    ? ["postStartCommand: runs at each start with devcontainer: true in the entry alone"]
    : [];
  for (const line of [...left, ...atStart]) console.error(`not taken: ${line}`);
  return 0;
}

/** The entry of this name with the key `devcontainer`; undefined where a folder is meant. @throws UserError where neither is */
export function findEntry(session: Session, name: string, isFolder: boolean, usage: string) {
  if (!PROJECT_NAME_PATTERN.test(name)) return undefined;
  try {
    const configuration = checkConfiguration(root, session.stack, { isResolving: true });
    const project = configuration.projects.find((each) => each.name === name);
    if (project?.devcontainer) return { project, configuration };
    if (isFolder) return undefined;
    return project
      ? fail(
          "config",
          name,
          "has no devcontainer in projects.yaml",
          "add one to its entry: devcontainer: true",
        )
      : fail("config", name, "is neither in projects.yaml nor a folder", usage);
  } catch (error) {
    if (isFolder && error instanceof UserError) return undefined;
    throw error;
  }
}
