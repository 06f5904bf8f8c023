/** Which projects say that they want no backups. */
import type { Project } from "../../config/projects/project.ts";
import type { BackedUp } from "./judge.ts";

/** What an entry says of its backups. */
interface WithStorage {
  readonly storage?: { readonly backup?: unknown };
}

/** @param projects those of projects.yaml */
export const backedUp = (projects: readonly (Pick<Project, "name"> & WithStorage)[]): BackedUp[] =>
  projects.map(({ name, storage }) => ({ name, isExcluded: storage?.backup === "never" }));
