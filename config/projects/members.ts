/** Who may open a project. */
import type { Project } from "./project.ts";

/** Who a stack admits to projects that name no members: settings of droplet stacks. */
export interface StackAccess {
  readonly accessEmails: readonly string[];
  readonly accessEmailDomains: readonly string[];
}

/** The people a policy admits: e-mail addresses, and whole domains of them. */
export interface AccessList {
  readonly emails: readonly string[];
  readonly domains: readonly string[];
}

type WithMembers = Pick<Project, "members"> & Partial<Pick<Project, "owners">>;

const domainOf = (email: string): string => email.slice(email.lastIndexOf("@") + 1);

/** Whether a project admits its own members alone, and not everyone the stack admits. */
export const hasOwnMembers = ({ members }: WithMembers): boolean => members.length > 0;

/** Everyone the stack admits. */
export const stackAccessList = ({ accessEmails, accessEmailDomains }: StackAccess): AccessList => ({
  emails: accessEmails,
  domains: accessEmailDomains,
});

/**
 * Who a project admits: its members, or everyone the stack admits where it names none. An owner counts as a member while the stack admits them:
 * the panel writes owners down, so a person who has left the stack's lists has to be out by that alone.
 */
export function accessListOf(project: WithMembers, defaults: StackAccess): AccessList {
  const stack = stackAccessList(defaults);
  if (!hasOwnMembers(project)) return stack;
  const { members, owners = [] } = project;
  const further = owners.filter((email) => !members.includes(email) && isAllowed(email, stack));
  return { emails: further.length > 0 ? [...members, ...further].sort() : members, domains: [] };
}

/**
 * Who the panel's hostname admits: everyone the stack admits, the members of any project, and the panel's admins. The panel lists to each
 * person only what that person can open.
 */
export function panelAccessList(
  projects: readonly WithMembers[],
  defaults: StackAccess,
  admins: readonly string[] = [],
): AccessList {
  const domains = defaults.accessEmailDomains;
  const named = [...projects.flatMap(({ members }) => members), ...admins];
  const further = named.filter((email) => !domains.includes(domainOf(email)));
  const emails = [...new Set([...defaults.accessEmails, ...further.sort()])];
  return { emails, domains };
}

/** Whether a list admits an address; `email` is compared without regard to case. */
export function isAllowed(email: string, { emails, domains }: AccessList): boolean {
  const lower = email.toLowerCase();
  return emails.includes(lower) || (lower.includes("@") && domains.includes(domainOf(lower)));
}

/** Whether a person can open a project. */
export const canOpen = (project: WithMembers, email: string, defaults: StackAccess): boolean =>
  isAllowed(email, accessListOf(project, defaults));
