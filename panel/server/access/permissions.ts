/** Permissions. Members open, start and stop; owners change, share and delete what is theirs; admins do everything. Pure. */
import { isDeepStrictEqual } from "node:util";
import { canOpen, isAllowed, stackAccessList } from "../../../config/projects/members.ts";
import type { Project } from "../../../config/projects/project.ts";
import type { Entry, EntryValues, Operation, OperationEvent, Person } from "../platform/types.ts";
import type { Authority } from "./authority.ts";

/** What a person is to a project. A machine only looks. */
export type Role = "admin" | "owner" | "member" | "machine";

/** Something that is done to a project. */
export type Act = "change" | "delete" | "rollback" | "setup" | "start" | "stop";

const ACTS: Readonly<Record<Role, readonly Act[]>> = {
  admin: ["change", "delete", "rollback", "setup", "start", "stop"],
  owner: ["change", "delete", "rollback", "setup", "start", "stop"],
  member: ["start", "stop"],
  machine: [],
};

/**
 * Keys of an entry that only admins can change: they decide on the host's capacity, on what of its networks is reached, on who or what has rights, on
 * whether somebody looks at a repository before it runs, and on whose image is built on the host, where no packet rule holds. So does
 * `opencode.enforce`.
 */
const ADMIN_ONLY_KEYS = [
  "resources",
  "sleep",
  "network",
  "services",
  "owners",
  "machines",
  "trust",
  "image",
  "devcontainer",
] as const;

type Shared = Pick<Project, "members"> & Partial<Pick<Project, "owners">>;

/**
 * A person's role; undefined for a project that they can't see. An owner has to be admitted as everybody else. A machine comes with the panel's
 * own service token, which an admin has made for it, and sees all.
 */
export function roleOf(person: Person, project: Shared, { defaults }: Authority): Role | undefined {
  if (person.admin) return "admin";
  if (person.kind === "machine") return "machine";
  if (!canOpen(project, person.email, defaults)) return undefined;
  return project.owners?.includes(person.email.toLowerCase()) ? "owner" : "member";
}

export const canSee = (person: Person, project: Shared, authority: Authority): boolean =>
  roleOf(person, project, authority) !== undefined;

export const canDo = (role: Role | undefined, act: Act): boolean =>
  role !== undefined && ACTS[role].includes(act);

/** Whether a person can create projects: an admin, or whoever the stack admits. */
export const canCreate = (person: Person, { create, defaults }: Authority): boolean =>
  person.admin ||
  (person.kind === "person" && create === "everyone" && isAllowed(person.email, stackAccessList(defaults)));

interface FieldRefusal {
  readonly path: string;
  readonly message: string;
}

/**
 * Problems of a change, or of a new entry, that only an admin is allowed to make. Others must not add a secret with a shared value, to read it,
 * nor let in people whom nobody else has let in.
 * @param before the entry as it is; empty for a new one
 * @param valuesProvided names of secrets with a value in the request
 */
export function adminOnlyChanges(
  person: Person,
  before: Partial<Entry>,
  values: EntryValues,
  valuesProvided: readonly string[],
  { defaults }: Authority,
): FieldRefusal[] {
  if (person.admin) return [];
  const isKept = (key: keyof Entry) => values[key] === undefined || isSame(values[key], before[key]);
  const isEnforceKept =
    values.opencode === undefined || isSame(values.opencode?.enforce, before.opencode?.enforce);
  const forAdmins = [
    ...ADMIN_ONLY_KEYS.filter((key) => !isKept(key)),
    ...(isEnforceKept ? [] : ["opencode.enforce"]),
  ].map((path) => ({ path, message: "can only be changed by an admin" }));
  const known = [...(before.secrets ?? []), ...valuesProvided];
  const sharedSecrets = (values.secrets ?? []).flatMap((name, index) =>
    known.includes(name)
      ? []
      : [{ path: `secrets[${index}]`, message: `${name} needs its own value for this project, or an admin` }],
  );
  const stack = stackAccessList(defaults);
  const guests = (values.members ?? []).flatMap((member, index) =>
    !member.includes("@") || before.members?.includes(member) || isAllowed(member, stack)
      ? []
      : [
          {
            path: `members[${index}]`,
            message: `${member} is not admitted by the stack: only an admin adds guests`,
          },
        ],
  );
  return [...forAdmins, ...sharedSecrets, ...guests];
}

const isSame = (value: unknown, before: unknown): boolean =>
  isDeepStrictEqual(value ?? undefined, before ?? undefined);

/**
 * A change without the keys of admins that it leaves as they are: it must not bring back what an admin has changed since it was made.
 */
export function withoutKeptKeys(person: Person, before: Entry, values: EntryValues): EntryValues {
  if (person.admin) return values;
  const isKept = ([key, value]: [string, unknown]) =>
    (ADMIN_ONLY_KEYS as readonly string[]).includes(key) && isSame(value, before[key as keyof Entry]);
  return Object.fromEntries(Object.entries(values).filter((pair) => !isKept(pair)));
}

/** A new entry as a person may add it: whoever is no admin owns it. */
export const ownedBy = (person: Person, entry: Entry): Entry =>
  person.admin || entry.owners !== undefined ? entry : { ...entry, owners: [person.email] };

/** Why a person can't add one more project; undefined if they can. @param perPerson as in `limits` */
export function ownsTooMany(
  person: Person,
  projects: readonly Pick<Project, "owners">[],
  perPerson: number,
): string | undefined {
  const owned = projects.filter(({ owners }) => owners.includes(person.email)).length;
  if (person.admin || owned < perPerson) return undefined;
  return `You own ${owned} ${owned === 1 ? "project" : "projects"}; limits.perPerson of projects.yaml is ${perPerson}. Delete one, or ask an admin.`;
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
  authority: Authority,
): Visibility {
  const seen = new Set(projects.filter((project) => canSee(person, project, authority)));
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
