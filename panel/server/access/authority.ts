/** Who has which rights by the stack's settings, which are read anew for each request. Pure. */
import { isAllowed, panelAccessList, type StackAccess } from "../../../config/projects/members.ts";
import type { Project } from "../../../config/projects/project.ts";
import type { Person } from "../platform/types.ts";

/** What the stack's settings say now. */
export interface Authority {
  /** E-mail addresses in lower case. */
  readonly admins: readonly string[];
  /** The stack's access list, for projects without members. */
  readonly defaults: StackAccess;
  /** Who can create projects. */
  readonly create: "everyone" | "admins";
}

/** A person with the rights that they have now. */
export const personNow = (person: Person, { admins }: Authority): Person =>
  person.kind === "person" ? { ...person, admin: admins.includes(person.email) } : person;

/** Whether a person's sign-in still counts. */
export const isSignedIn = ({ expiresAt }: Person, now = Date.now()): boolean =>
  expiresAt === undefined || now < expiresAt;

/** Whether the panel admits a person at all, as its Access application does: a token outlives a removal from that. */
export const isAdmitted = (
  person: Person,
  projects: readonly Pick<Project, "members">[],
  { admins, defaults }: Authority,
): boolean =>
  person.admin ||
  person.kind === "machine" ||
  isAllowed(person.email, panelAccessList(projects, defaults, admins));
