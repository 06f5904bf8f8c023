/** The names of what removed projects leave behind on a host. Pure. */
import { serviceData, workspaceDirectories } from "../../config/naming/names.ts";
import { PROJECT_NAME_PATTERN } from "../../config/projects/field-schemas.ts";

/** What is set aside is beside its place, with the time. No project's name has a dot. */
const ASIDE_PATTERN = /^(.+)\.removed-\d{8}T\d{6}Z$/;

/** The name under which what a project left behind is set aside. */
export const asideName = (project: string, at: Date): string =>
  `${project}.removed-${at.toISOString().replace(/[-:]|\.\d+/g, "")}`;

/** The project that something set aside was of; undefined for any other name. */
export function projectOfAside(name: string): string | undefined {
  const project = ASIDE_PATTERN.exec(name)?.[1];
  return project !== undefined && PROJECT_NAME_PATTERN.test(project) ? project : undefined;
}

/** Whether a name is a project's, or that of something set aside: it then leads nowhere but into the directory of the workspaces. */
export const isLeftName = (name: string): boolean =>
  PROJECT_NAME_PATTERN.test(name) || projectOfAside(name) !== undefined;

/** The paths of a workspace, of its home, and of what its services keep. @throws Error for a name that could lead elsewhere */
export function leftPaths(
  directory: string,
  name: string,
): { workspace: string; home: string; services: string } {
  if (!isLeftName(name)) throw new Error(`${JSON.stringify(name)} is not the name of a workspace`);
  return { ...workspaceDirectories(directory, name), services: serviceData(directory, name) };
}
