/** Finds a project's workspace, and deletes it once its container is removed. */
import type { SshAccess } from "../../../components/host/ssh-files.ts";
import { fail } from "../../../config/errors.ts";
import { DROPLET_WORKSPACES_DIR, workspaceDirectories } from "../../../config/naming/names.ts";
import { PROJECT_NAME_PATTERN } from "../../../config/projects/field-schemas.ts";
import { localWorkspaces } from "../../../config/stack/workspaces-dir.ts";
import { shellQuote } from "../../../config/text/shell.ts";
import { type ContainerState, listContainers, listContainersBy } from "../../../operate/docker/containers.ts";
import { deleteFolders, workspaceFolders } from "../../../operate/docker/workspaces.ts";
import { dropletDocker, onDroplet, provideAccess } from "../../../operate/droplet/access.ts";
import { dockerEnv, readSettings, root } from "../../../operate/engine/checkout.ts";
import type { Session } from "../../../operate/engine/session.ts";
import { readState } from "../../../operate/state/state.ts";

/** Whether a project has a workspace or home. @throws UserError if its droplet is not responding */
export async function hasWorkspace(session: Session, name: string): Promise<boolean> {
  if (!PROJECT_NAME_PATTERN.test(name)) return false;
  if (session.isLocal) return workspaceFolders(localWorkspaces(readSettings(), root).path, name).length > 0;
  const access = await dropletOf(session);
  if (!access) return false;
  const tests = dropletFolders(name).map((folder) => `test -e ${folder}`);
  const { code, stderr } = await onDroplet(session, access, tests.join(" || "));
  if (code === 0 || code === 1) return code === 0;
  return fail("environment", `workspace of ${name}`, `could not be checked: ${stderr.trim() || NO_ANSWER}`);
}

/**
 * Deletes a project's workspace and home, if they exist.
 * @throws UserError if a container still uses them, or this user is not allowed to delete them
 */
export async function deleteWorkspace(session: Session, name: string): Promise<void> {
  if (!PROJECT_NAME_PATTERN.test(name)) fail("config", name, "is not a project's name");
  return session.isLocal ? deleteLocal(name) : deleteOnDroplet(session, name);
}

async function deleteLocal(name: string): Promise<void> {
  const settings = readSettings();
  const containers = await listContainers(dockerEnv(settings), settings.namePrefix);
  assertUnused(name, containers);
  const left = deleteFolders(workspaceFolders(localWorkspaces(settings, root).path, name));
  if (left.length > 0)
    fail(
      "environment",
      `workspace of ${name}`,
      "this user is not allowed to delete all of it",
      `sudo rm -rf ${left.map(shellQuote).join(" ")}`,
    );
}

async function deleteOnDroplet(session: Session, name: string): Promise<void> {
  const access = await dropletOf(session);
  if (!access) return fail("conflict", `workspace of ${name}`, "not found: the stack has no droplet");
  const containers = await listContainersBy(dropletDocker(session, access));
  assertUnused(name, containers);
  const command = `rm -rf -- ${dropletFolders(name).join(" ")}`;
  const { code, stderr } = await onDroplet(session, access, command, 600_000);
  if (code !== 0)
    fail("environment", `workspace of ${name}`, `could not be deleted: ${stderr.trim() || NO_ANSWER}`);
}

const NO_ANSWER = "the droplet is not responding";

const dropletFolders = (name: string): string[] =>
  Object.values(workspaceDirectories(DROPLET_WORKSPACES_DIR, name)).map(shellQuote);

/** SSH access to the droplet; undefined for a stack without one. */
async function dropletOf(session: Session): Promise<SshAccess | undefined> {
  return provideAccess(session, await readState(session))[0];
}

/** Throws if the project has a container, running or not: it could still write. */
function assertUnused(name: string, containers: readonly ContainerState[]): void {
  const user = containers.find(({ project }) => project === name);
  if (user) fail("conflict", `workspace of ${name}`, `is still used by the container ${user.name}`);
}
