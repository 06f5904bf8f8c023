/** Between an entry of projects.yaml and the fields of the form. Pure. */
import type { Entry } from "./model.ts";

/** A secret's row. The value is what is typed now: one that is stored never comes back to the page. */
export interface SecretRow {
  name: string;
  value: string;
}

/** The form's fields as typed. */
export interface Fields {
  name: string;
  repo: string;
  branch: string;
  auth: "none" | "token" | "ssh";
  /** The name of the secret that holds git's token, and its value. */
  tokenSecret: string;
  tokenValue: string;
  username: string;
  knownHosts: string;
  memory: string;
  cpus: string;
  model: string;
  /** Addresses and groups, apart by commas, spaces or lines. */
  members: string;
  secrets: SecretRow[];
}

const DEFAULT_TOKEN_SECRET = "GIT_TOKEN";

/** Whatever a way of git's auth has, to be read without asking which one it is. */
interface AnyGit {
  readonly auth: Fields["auth"];
  readonly secret?: string;
  readonly username?: string;
  readonly knownHosts?: readonly string[];
}

/** What the form shows for an entry; for none, an empty form. */
export function fieldsOf(entry: Entry = { name: "" }): Fields {
  const git: AnyGit = entry.git ?? { auth: "none" };
  return {
    name: entry.name,
    repo: entry.repo ?? "",
    branch: entry.branch ?? "",
    auth: git.auth,
    tokenSecret: git.secret ?? DEFAULT_TOKEN_SECRET,
    tokenValue: "",
    username: git.username ?? "",
    knownHosts: (git.knownHosts ?? []).join("\n"),
    memory: entry.resources?.memory ?? "",
    cpus: entry.resources?.cpus === undefined ? "" : String(entry.resources.cpus),
    model: entry.opencode?.model ?? "",
    members: (entry.members ?? []).join(", "),
    secrets: (entry.secrets ?? []).filter((name) => name !== git.secret).map((name) => ({ name, value: "" })),
  };
}

const list = (text: string, separator: RegExp): string[] =>
  text.split(separator).filter((part) => part !== "");

/** A number where it is one; else the text, for the server to say what is wrong with it. */
const numberOr = (text: string): number => (Number.isFinite(Number(text)) ? Number(text) : (text as never));

/** An object without its undefined values; undefined when nothing remains. */
function withoutEmpty<T extends object>(values: T): T | undefined {
  const kept = Object.entries(values).filter(([, value]) => value !== undefined);
  return kept.length > 0 ? (Object.fromEntries(kept) as T) : undefined;
}

function gitOf(fields: Fields, base: Entry): Entry["git"] {
  if (fields.auth === "none") return base.git?.auth === "none" ? base.git : undefined;
  if (fields.auth === "ssh") {
    const knownHosts = list(fields.knownHosts, /\s*\n\s*/);
    return { auth: "ssh", ...(knownHosts.length > 0 ? { knownHosts } : {}) };
  }
  const username = fields.username.trim();
  return { auth: "token", secret: fields.tokenSecret.trim(), ...(username ? { username } : {}) };
}

/** The names of secrets in the order of the base, then what is new: an order that was not changed is no change. */
function secretsOf(fields: Fields, base: Entry): string[] | undefined {
  const wanted = fields.secrets.map(({ name }) => name.trim()).filter((name) => name !== "");
  if (fields.auth === "token" && fields.tokenSecret.trim() !== "") wanted.push(fields.tokenSecret.trim());
  const before = (base.secrets ?? []).filter((name) => wanted.includes(name));
  const names = [...before, ...wanted.filter((name) => !before.includes(name))];
  return names.length > 0 || base.secrets?.length === 0 ? names : undefined;
}

/** The entry that the fields describe; what the form does not show is taken over from the base. */
export function entryOf(fields: Fields, base: Entry = { name: "" }): Entry {
  const text = (value: string) => value.trim() || undefined;
  const members = list(fields.members, /[\s,;]+/);
  const { cpus } = fields;
  return withoutEmpty({
    ...base,
    name: fields.name.trim(),
    repo: text(fields.repo),
    branch: text(fields.branch),
    git: gitOf(fields, base),
    resources: withoutEmpty({
      ...base.resources,
      memory: text(fields.memory),
      cpus: cpus.trim() === "" ? undefined : numberOr(cpus.trim()),
    }),
    opencode: withoutEmpty({ ...base.opencode, model: text(fields.model) }),
    members: members.length > 0 ? members : undefined,
    secrets: secretsOf(fields, base),
  }) as Entry;
}

/** The values of secrets that were typed, by name. */
export function secretValuesOf(fields: Fields): Record<string, string> {
  const rows = [...fields.secrets];
  if (fields.auth === "token") rows.push({ name: fields.tokenSecret, value: fields.tokenValue });
  return Object.fromEntries(
    rows.filter(({ name, value }) => name.trim() && value).map(({ name, value }) => [name.trim(), value]),
  );
}

/** A value with the keys of its objects in one order, for comparison. */
function canonical(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(canonical);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([one], [other]) => (one < other ? -1 : 1))
      .map(([key, inner]) => [key, canonical(inner)]),
  );
}

/** Whether two values say the same. */
export const same = (one: unknown, other: unknown): boolean =>
  JSON.stringify(canonical(one)) === JSON.stringify(canonical(other));

/** What a change sends: the keys that differ, with null for those that go. */
export function changesOf(base: Entry, fields: Fields): Record<string, unknown> {
  const before = new Map<string, unknown>(Object.entries(base));
  const after = new Map<string, unknown>(Object.entries(entryOf(fields, base)));
  const changed = [...new Set([...before.keys(), ...after.keys()])].filter(
    (key) => !same(before.get(key), after.get(key)),
  );
  return Object.fromEntries(changed.map((key) => [key, after.get(key) ?? null]));
}

/** What became of a form when the entry under it changed. */
export interface Rebased {
  fields: Fields;
  /** The fields that both changed, with what the entry says now; what was typed stands. */
  conflicts: { field: keyof Fields; remote: string }[];
}

function mergeSecrets(before: Fields, mine: Fields, remote: Fields): SecretRow[] {
  const names = (fields: Fields) => fields.secrets.map(({ name }) => name);
  const takenOff = names(before).filter((name) => !names(mine).includes(name));
  const added = names(remote).filter((name) => !names(before).includes(name) && !names(mine).includes(name));
  const gone = names(before).filter((name) => !names(remote).includes(name));
  return [
    ...mine.secrets.filter(({ name, value }) => value !== "" || !gone.includes(name)),
    ...added.filter((name) => !takenOff.includes(name)).map((name) => ({ name, value: "" })),
  ];
}

/** Puts what was typed over the entry as it is now: fields that were not touched follow it, the others stay. */
export function mergeChanges(base: Entry, mine: Fields, entry: Entry): Rebased {
  const before = fieldsOf(base);
  const remote = fieldsOf(entry);
  const fields = { ...mine, secrets: mergeSecrets(before, mine, remote) };
  const conflicts: Rebased["conflicts"] = [];
  for (const field of Object.keys(before) as (keyof Fields)[]) {
    if (field === "secrets" || same(before[field], remote[field])) continue;
    if (same(mine[field], before[field])) Object.assign(fields, { [field]: remote[field] });
    else if (!same(mine[field], remote[field])) conflicts.push({ field, remote: String(remote[field]) });
  }
  return { fields, conflicts };
}

const SHOWN = ["name", "repo", "branch", "git", "members", "secrets", "state"];

/** The keys of an entry that the form does not show, and keeps. */
export function hiddenKeys(entry: Entry): string[] {
  const inner = (key: "resources" | "opencode", shown: readonly string[]) =>
    Object.keys(entry[key] ?? {})
      .filter((name) => !shown.includes(name))
      .map((name) => `${key}.${name}`);
  return [
    ...Object.keys(entry).filter((key) => ![...SHOWN, "resources", "opencode"].includes(key)),
    ...inner("resources", ["memory", "cpus"]),
    ...inner("opencode", ["model"]),
  ];
}
