/** Who may open a project. */
import type { Project } from "./project.ts";

/** Whom a stack lets in where a project names nobody itself: settings of stacks on a droplet. */
export interface Defaults {
  readonly accessEmails: readonly string[];
  readonly accessEmailDomains: readonly string[];
}

/** Whom a policy admits: addresses, and whole domains of addresses. */
export interface Admitted {
  readonly emails: readonly string[];
  readonly domains: readonly string[];
}

type WithMembers = Pick<Project, "members">;

const domainOf = (email: string): string => email.slice(email.lastIndexOf("@") + 1);

/** Whether a project admits its own members alone, and not everyone the stack admits. */
export const hasOwnMembers = ({ members }: WithMembers): boolean => members.length > 0;

/** Whom a project admits: its members, or everyone the stack admits where it names none. */
export function admittedTo(project: WithMembers, defaults: Defaults): Admitted {
  if (hasOwnMembers(project)) return { emails: project.members, domains: [] };
  return { emails: defaults.accessEmails, domains: defaults.accessEmailDomains };
}

/**
 * Whom the panel's hostname admits, which lists to each person what that person may open: whom the stack admits, and beyond those the
 * members of any project and the panel's admins.
 */
export function admittedToPanel(
  projects: readonly WithMembers[],
  defaults: Defaults,
  admins: readonly string[] = [],
): Admitted {
  const domains = defaults.accessEmailDomains;
  const named = [...projects.flatMap(({ members }) => members), ...admins];
  const further = named.filter((email) => !domains.includes(domainOf(email)));
  const emails = [...new Set([...defaults.accessEmails, ...further.sort()])];
  return { emails, domains };
}

/** Whether somebody is among those admitted. `email` in any case of letters. */
export function isAdmitted(email: string, { emails, domains }: Admitted): boolean {
  const lower = email.toLowerCase();
  return emails.includes(lower) || (lower.includes("@") && domains.includes(domainOf(lower)));
}

/** Whether a person may open a project. */
export const mayOpen = (project: WithMembers, email: string, defaults: Defaults): boolean =>
  isAdmitted(email, admittedTo(project, defaults));
