/** The variables of a devcontainer.json (`${containerWorkspaceFolder}`), as far as a project knows them. */

/** Where a project's workspace is. */
const WORKSPACE = "/workspace";
const VARIABLE =
  /\$\{(localEnv|env|containerEnv|localWorkspaceFolder|containerWorkspaceFolder|localWorkspaceFolderBasename|containerWorkspaceFolderBasename|devcontainerId)(?::([^:}]*))?(?::([^}]*))?\}/g;

export interface Substituted {
  readonly text: string;
  /** Why some of it can't be known here; absent if all is. */
  readonly unknown?: string;
}

/**
 * Replaces the variables in a text. Those of the machine that starts a container are its owner's, and no project gets them: their default counts,
 * if they have one.
 */
export function substitute(text: string, project: string): Substituted {
  let unknown: string | undefined;
  const replaced = text.replace(VARIABLE, (whole, kind: string, name = "", otherwise?: string) => {
    if (kind === "containerWorkspaceFolder") return WORKSPACE;
    if (kind === "containerWorkspaceFolderBasename") return WORKSPACE.slice(1);
    if (kind === "localWorkspaceFolderBasename" || kind === "devcontainerId") return project;
    if (otherwise !== undefined && kind !== "containerEnv") return otherwise;
    unknown ??=
      kind === "containerEnv"
        ? `${whole} is a variable of the image, which is not known before it is built`
        : kind === "localWorkspaceFolder"
          ? `${whole} is a folder of the machine that starts the container`
          : `${name} is a variable of the machine that starts the container`;
    return whole;
  });
  return unknown === undefined ? { text: replaced } : { text: replaced, unknown };
}
