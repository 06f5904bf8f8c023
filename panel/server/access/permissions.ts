/** What a person may see and do. Members act on their own projects, admins on all. */
import { canOpen, type StackAccess } from "../../../config/projects/members.ts";
import type { Project } from "../../../config/projects/project.ts";
import type { Entry, EntryValues, Operation, OperationEvent, Person } from "../platform/types.ts";

/** Keys of an entry that decide of other people, or of what the host gives: theirs alone who have all of it to look after. */
const ADMIN_ONLY_KEYS = ["members", "resources"] as const;

/**
 * Whether somebody may see a project. Whoever shows the stack's service token passes Access to every project, and so sees them all here.
 */
export const canSee = (person: Person, project: Pick<Project, "members">, defaults: StackAccess): boolean =>
  person.admin || person.kind === "machine" || canOpen(project, person.email, defaults);

/** Whether somebody may do anything at all: a machine looks on. */
export const canAct = (person: Person): boolean => person.admin || person.kind === "person";

/** Only admins make projects, since an entry names people and takes of the host. */
export const canCreate = (person: Person): boolean => person.admin;

/**
 * What of a change only an admin may do: by key, why. A member who could name a secret that has a value for every project would read it.
 * @param valuesProvided names of secrets that the request brings a value for
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
      : [{ path: `secrets[${index}]`, message: `${name} needs a value of this project's own, or an admin` }],
  );
  return [...forAdmins, ...sharedSecrets];
}

/** Which projects a person sees, and which not. */
export interface Visibility {
  readonly visible: readonly string[];
  readonly hidden: readonly string[];
}

/** Sorts projects by whether somebody sees them. */
export function visibilityFor(
  person: Person,
  projects: readonly Project[],
  defaults: StackAccess,
): Visibility {
  const seen = new Set(projects.filter((project) => canSee(person, project, defaults)));
  const mentions = (which: readonly Project[]) => which.map(({ name }) => name);
  return { visible: mentions([...seen]), hidden: mentions(projects.filter((project) => !seen.has(project))) };
}

/** Whether somebody may follow an operation: an admin, whoever asked for it, or who sees its project. */
export const canFollow = (person: Person, operation: Operation, { visible }: Visibility): boolean =>
  person.admin ||
  operation.person === person.email ||
  (operation.project !== undefined && visible.includes(operation.project));

/** Whether a text names a project, however resources are called after it: `web-shop-container` is of web-shop, not of web. */
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

/** Whether what is told of an update, which may be of several people's changes, is of a project that somebody may not know of. */
export function isHiddenFrom(event: OperationEvent, { visible, hidden }: Visibility): boolean {
  if (event.event === "state") return false;
  const text =
    event.event === "progress" ? `${event.data.name} ${event.data.message ?? ""}` : event.data.text;
  return hidden.some((name) => mentions(text, name, visible));
}
