/** What a correct projects.yaml does not achieve: sentences for people, not problems. */
import type { Project } from "./project.ts";

/** What is said of permissions that are enforced: no release of opencode can hold an agent of a repository to them. */
const PERMISSIONS =
  "opencode.enforce.permission holds against a repository's settings and for opencode's own agents, in 1.x and 2.x. An agent or a plugin that the repository brings can still allow itself more: docs/security.md.";

/** Notes on the projects, each with the names that it is about. */
export function notesOn(projects: readonly Pick<Project, "name" | "opencode">[]): string[] {
  const names = projects
    .filter(({ opencode: { enforce } }) => "permission" in enforce || "permissions" in enforce)
    .map(({ name }) => name);
  return names.length > 0 ? [`${names.join(", ")}: ${PERMISSIONS}`] : [];
}
