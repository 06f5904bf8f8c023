/** Updates one project alone, and refuses if something else has changed too. */
import { checkConfiguration } from "../../config/check.ts";
import type { Project } from "../../config/projects/project.ts";
import type { Change } from "./changes.ts";
import { root } from "./checkout.ts";
import type { Session } from "./session.ts";
import { type UpdateOptions, updateOrThrow } from "./update.ts";
import { onlyProject, throwRefusal } from "./update-one.ts";

export interface ApplyOptions extends Pick<UpdateOptions, "inProcess" | "onUpdateEvent"> {
  /** Those of projects.yaml. Default: read and checked now. */
  readonly projects?: readonly Pick<Project, "name" | "opencode" | "environment">[];
  /** Runs if the update ended before it changed anything. */
  readonly onUnchanged?: () => void;
}

/**
 * Updates a project of a prepared stack.
 * @returns the changes
 * @throws UserError if the update fails, or the program refuses to update this project alone
 */
export function applyProject(
  session: Session,
  project: string,
  {
    projects = checkConfiguration(root, session.stack).projects,
    onUnchanged = () => {},
    ...options
  }: ApplyOptions = {},
): Promise<readonly Change[]> {
  return updateOrThrow(session, "up", {
    ...options,
    ...onlyProject(session, project, projects),
    onFailure: (report) => {
      if (report.changes.length === 0) onUnchanged();
      throwRefusal(session, project, report);
    },
  });
}
