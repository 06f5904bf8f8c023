/** Which projects say that they want no backups. */
import type { Project } from "../../config/projects/project.ts";
import type { BackedUp } from "./judge.ts";

/** What an entry says of its backups. */
interface WithStorage {
  readonly storage?: { readonly backup?: unknown };
}

type Listed = Pick<Project, "name"> & WithStorage;

export const backedUpOf = ({ name, storage }: Listed): BackedUp => ({
  name,
  isExcluded: storage?.backup === "never",
});

/** @param projects those of projects.yaml */
export const backedUp = (projects: readonly Listed[]): BackedUp[] => projects.map(backedUpOf);
