/** Permissions. Members manage their own projects, admins all. */
import { canOpen, type StackAccess } from "../../../config/projects/members.ts";
import type { Project } from "../../../config/projects/project.ts";
import type { Entry, EntryValues, Operation, OperationEvent, Person } from "../platform/types.ts";

/** Keys of an entry that only admins can change: they affect other people, or the host's capacity. */
const ADMIN_ONLY_KEYS = ["members", "resources"] as const;

/**
 * Whether a person can see a project. The stack's service token passes Access to every project, so machines see all.
 */
export const canSee = (person: Person, project: Pick<Project, "members">, defaults: StackAccess): boolean =>
  person.admin || person.kind === "machine" || canOpen(project, person.email, defaults);

/** Whether a person can change anything; machines are read-only. */
export const canAct = (person: Person): boolean => person.admin || person.kind === "person";

/** Only admins create projects, since an entry sets members and resources. */
export const canCreate = (person: Person): boolean => person.admin;

/**
 * Problems of a change that only an admin is allowed to make. A member must not add a secret with a shared value, to read it.
 * @param valuesProvided names of secrets with a value in the request
 */
export function adminOnlyChanges(
  person: Person,
  before: Entry,
  values: EntryValues,
  valuesProvided: readonly string[],
): { path: string; message: string }[] {
  if (person.admin) return [];
  const forAdmins = ADMIN_ONLY_KEYS.filter(
    (key) => values[key] !== undefined && JSON.stringify(values[key]) !== JSON.stringify(before[key] ?? null),
  ).map((key) => ({ path: key, message: "can only be changed by an admin" }));
  const known = [...(before.secrets ?? []), ...valuesProvided];
  const sharedSecrets = (values.secrets ?? []).flatMap((name, index) =>
    known.includes(name)
      ? []
      : [{ path: `secrets[${index}]`, message: `${name} needs its own value for this project, or an admin` }],
  );
  return [...forAdmins, ...sharedSecrets];
}

/** Names of the projects that a person can see, and of the others. */
export interface Visibility {
  readonly visible: readonly string[];
  readonly hidden: readonly string[];
}

/** Splits projects by whether a person can see them. */
export function visibilityFor(
  person: Person,
  projects: readonly Project[],
  defaults: StackAccess,
): Visibility {
  const seen = new Set(projects.filter((project) => canSee(person, project, defaults)));
  const names = (which: readonly Project[]) => which.map(({ name }) => name);
  return { visible: names([...seen]), hidden: names(projects.filter((project) => !seen.has(project))) };
}

/** Whether a person can follow an operation: an admin, its author, or people who can see its project. */
export const canFollow = (person: Person, operation: Operation, { visible }: Visibility): boolean =>
  person.admin ||
  operation.person === person.email ||
  (operation.project !== undefined && visible.includes(operation.project));

/** Whether a text mentions a project or its resources: `web-shop-container` belongs to web-shop, not to web. */
function mentions(text: string, project: string, others: readonly string[]): boolean {
  const words = text.match(/[a-z0-9-]+/g) ?? [];
  const isOf = (word: string, name: string) =>
    word === name || word.startsWith(`${name}-`) || word.endsWith(`-${name}`) || word.includes(`-${name}-`);
  return words.some(
    (word) =>
      isOf(word, project) &&
      !others.some((other) => other.length > project.length && other.includes(project) && isOf(word, other)),
  );
}

/** Whether an event mentions a project that the person can't see: an update may cover several people's changes. */
export function isHiddenFrom(event: OperationEvent, { visible, hidden }: Visibility): boolean {
  if (event.event === "state") return false;
  const text =
    event.event === "progress" ? `${event.data.name} ${event.data.message ?? ""}` : event.data.text;
  return hidden.some((name) => mentions(text, name, visible));
}
