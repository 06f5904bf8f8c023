/** Copies a project's entry and its secrets under another name, in the texts of projects.yaml and the stack's files. Pure. */
import { fail } from "../../config/errors.ts";
import { PROJECTS_FILE } from "../../config/projects/overlay.ts";
import { SECRETS_NAMESPACE } from "../../config/stack/secrets.ts";
import { NotEditable, plainValue, setValue } from "../../config/text/yaml-edit.ts";

/** An entry as written. */
type Entry = Readonly<Record<string, unknown>>;

const entriesOf = (text: string): Entry[] => {
  const { projects } = (plainValue(text) ?? {}) as { projects?: unknown };
  return Array.isArray(projects) ? (projects as Entry[]) : [];
};

/** The entry of a name; undefined without one. @throws NotEditable for invalid YAML */
export const entryIn = (text: string, name: string): Entry | undefined =>
  entriesOf(text).find((entry) => entry?.name === name);

/** A copy of an entry under another name. It runs, also where the original is stopped. */
export function copyOf({ name: _, state: __, ...entry }: Entry, to: string): Entry {
  return { name: to, ...entry };
}

/**
 * Adds a copy of an entry; the text as it is if it has none of that name.
 * @param file what messages call the text
 * @throws UserError for a text that can only be changed by hand
 */
export function withCopiedEntry(text: string, from: string, to: string, file = PROJECTS_FILE): string {
  try {
    const entry = entryIn(text, from);
    return entry ? setValue(text, ["projects", entriesOf(text).length], copyOf(entry, to)) : text;
  } catch (error) {
    if (!(error instanceof NotEditable)) throw error;
    return fail("config", file, error.message, `copy the entry ${from} as ${to} yourself, then run it again`);
  }
}

const prefixOf = (project: string): string => `${SECRETS_NAMESPACE}:${project}/`;

/** Names of the secrets that a project has of its own, in the text of a stack's file. */
export function ownSecrets(stackFile: string, project: string): string[] {
  const { config } = (plainValue(stackFile) ?? {}) as { config?: unknown };
  return Object.keys(typeof config === "object" && config !== null ? config : {})
    .filter((key) => key.startsWith(prefixOf(project)))
    .map((key) => key.slice(prefixOf(project).length));
}

/**
 * Gives a project the secrets that another has of its own, as they are, encrypted: whoever decrypts one of the stack's values decrypts both, and nobody has to
 * for this.
 */
export function withCopiedSecrets(stackFile: string, from: string, to: string): string {
  const { config = {} } = (plainValue(stackFile) ?? {}) as { config?: Readonly<Record<string, unknown>> };
  return ownSecrets(stackFile, from).reduce(
    (now, name) => setValue(now, ["config", prefixOf(to) + name], config[prefixOf(from) + name]),
    stackFile,
  );
}
