/** Converts between an entry of projects.yaml and the form's fields. Pure. */
import type { Entry } from "./model.ts";

/** A secret's row. The value is the typed one: stored values are never sent to the page. */
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
  /** The time after which it sleeps, or `never`. */
  sleep: string;
  model: string;
  /** opencode's release: 1, 2, or an exact one. */
  version: string;
  /** Addresses and groups, separated by commas, spaces or line breaks. */
  members: string;
  secrets: SecretRow[];
}

const DEFAULT_TOKEN_SECRET = "GIT_TOKEN";

/** The fields of all kinds of git's auth. */
interface AnyGit {
  readonly auth?: Fields["auth"] | undefined;
  readonly secret?: string;
  readonly username?: string;
  readonly knownHosts?: readonly string[];
}

/** The fields for an entry; by default those of an empty form. */
export function fieldsOf(entry: Entry = { name: "" }): Fields {
  const git: AnyGit = entry.git ?? {};
  return {
    name: entry.name,
    repo: entry.repo ?? "",
    branch: entry.branch ?? "",
    auth: git.auth ?? "none",
    tokenSecret: git.secret ?? DEFAULT_TOKEN_SECRET,
    tokenValue: "",
    username: git.username ?? "",
    knownHosts: (git.knownHosts ?? []).join("\n"),
    memory: entry.resources?.memory ?? "",
    cpus: entry.resources?.cpus === undefined ? "" : String(entry.resources.cpus),
    sleep: entry.sleep === "never" ? entry.sleep : (entry.sleep?.after ?? ""),
    model: entry.opencode?.model ?? "",
    version: String(entry.opencode?.version ?? ""),
    members: (entry.members ?? []).join(", "),
    secrets: (entry.secrets ?? []).filter((name) => name !== git.secret).map((name) => ({ name, value: "" })),
  };
}

const list = (text: string, separator: RegExp): string[] =>
  text.split(separator).filter((part) => part !== "");

/** Parses a number; keeps an invalid text, for the server to report. */
const numberOr = (text: string): number => (Number.isFinite(Number(text)) ? Number(text) : (text as never));

/** A release as the file has it: an unchanged one stays as written, a major is a number. */
function releaseOf(typed: string, base: Entry) {
  const before = base.opencode?.version;
  if (typed === "") return undefined;
  if (typed === String(before)) return before;
  return typed === "1" ? 1 : typed === "2" ? 2 : typed;
}

/** An object without its undefined values; undefined if empty. */
function withoutEmpty<T extends object>(values: T): T | undefined {
  const kept = Object.entries(values).filter(([, value]) => value !== undefined);
  return kept.length > 0 ? (Object.fromEntries(kept) as T) : undefined;
}

/** What the form doesn't show is kept, unless only the former way of authenticating has it. */
function gitOf(fields: Fields, base: Entry): Entry["git"] {
  const { auth = "none", name, email, sign, forge } = base.git ?? {};
  const author = withoutEmpty({ name, email }) ?? {};
  const kept = auth === fields.auth ? (withoutEmpty({ name, email, sign, forge }) ?? {}) : author;
  if (fields.auth === "none") return auth === "none" ? base.git : withoutEmpty(author);
  if (fields.auth === "ssh") {
    const knownHosts = list(fields.knownHosts, /\s*\n\s*/);
    return { auth: "ssh", ...(knownHosts.length > 0 ? { knownHosts } : {}), ...kept };
  }
  const username = fields.username.trim();
  return { auth: "token", secret: fields.tokenSecret.trim(), ...(username ? { username } : {}), ...kept };
}

/** `never`, or a map with what the form doesn't show. */
function sleepOf(typed: string, { sleep: before }: Entry): Entry["sleep"] {
  if (typed === "never") return typed;
  const kept = typeof before === "object" ? before : {};
  if (typed === "" && before !== undefined && Object.keys(kept).length === 0)
    return before === "never" ? undefined : before;
  return withoutEmpty({ ...kept, after: typed === "" ? undefined : typed });
}

/** Names of secrets: those of the base in their order, then new ones, so that an unchanged list stays equal. */
function secretsOf(fields: Fields, base: Entry): string[] | undefined {
  const wanted = fields.secrets.map(({ name }) => name.trim()).filter((name) => name !== "");
  if (fields.auth === "token" && fields.tokenSecret.trim() !== "") wanted.push(fields.tokenSecret.trim());
  const before = (base.secrets ?? []).filter((name) => wanted.includes(name));
  const names = [...before, ...wanted.filter((name) => !before.includes(name))];
  return names.length > 0 || base.secrets?.length === 0 ? names : undefined;
}

/** The entry for the fields; keys that the form does not show come from the base. */
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
    sleep: sleepOf(fields.sleep.trim(), base),
    opencode: withoutEmpty({
      ...base.opencode,
      model: text(fields.model),
      version: releaseOf(fields.version.trim(), base),
    }),
    members: members.length > 0 ? members : undefined,
    secrets: secretsOf(fields, base),
  }) as Entry;
}

/** Typed values of secrets, by name. */
export function secretValuesOf(fields: Fields): Record<string, string> {
  const rows = [...fields.secrets];
  if (fields.auth === "token") rows.push({ name: fields.tokenSecret, value: fields.tokenValue });
  return Object.fromEntries(
    rows.filter(({ name, value }) => name.trim() && value).map(({ name, value }) => [name.trim(), value]),
  );
}

/** A value with sorted keys, for comparison. */
function canonical(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(canonical);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([one], [other]) => (one < other ? -1 : 1))
      .map(([key, inner]) => [key, canonical(inner)]),
  );
}

/** Whether two values are equal, in any order of keys. */
export const same = (one: unknown, other: unknown): boolean =>
  JSON.stringify(canonical(one)) === JSON.stringify(canonical(other));

/** The keys that differ from the base; null for removed ones. */
export function changesOf(base: Entry, fields: Fields): Record<string, unknown> {
  const before = new Map<string, unknown>(Object.entries(base));
  const after = new Map<string, unknown>(Object.entries(entryOf(fields, base)));
  const changed = [...new Set([...before.keys(), ...after.keys()])].filter(
    (key) => !same(before.get(key), after.get(key)),
  );
  return Object.fromEntries(changed.map((key) => [key, after.get(key) ?? null]));
}

/** The form's fields merged with a changed entry. */
export interface Rebased {
  fields: Fields;
  /** Fields changed on both sides, with the entry's new value; the typed value is kept. */
  conflicts: { field: keyof Fields; remote: string }[];
}

function mergeSecrets(before: Fields, mine: Fields, remote: Fields): SecretRow[] {
  const names = (fields: Fields) => fields.secrets.map(({ name }) => name);
  const removed = names(before).filter((name) => !names(mine).includes(name));
  const added = names(remote).filter((name) => !names(before).includes(name) && !names(mine).includes(name));
  const gone = names(before).filter((name) => !names(remote).includes(name));
  return [
    ...mine.secrets.filter(({ name, value }) => value !== "" || !gone.includes(name)),
    ...added.filter((name) => !removed.includes(name)).map((name) => ({ name, value: "" })),
  ];
}

/** Merges edited fields with the current entry: untouched fields follow the entry, edited ones stay. */
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

const SHOWN = ["name", "repo", "branch", "git", "members", "secrets", "sleep", "state"];

/** Keys of an entry that the form does not show. */
export function hiddenKeys(entry: Entry): string[] {
  const inner = (key: "resources" | "opencode", shown: readonly string[]) =>
    Object.keys(entry[key] ?? {})
      .filter((name) => !shown.includes(name))
      .map((name) => `${key}.${name}`);
  return [
    ...Object.keys(entry).filter((key) => ![...SHOWN, "resources", "opencode"].includes(key)),
    ...inner("resources", ["memory", "cpus"]),
    ...inner("opencode", ["model", "version"]),
  ];
}
