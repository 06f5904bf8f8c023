import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fail, UserError } from "../../../config/errors.ts";
import { PROJECT_NAME_PATTERN, VARIABLE_PATTERN } from "../../../config/projects/field-schemas.ts";
import { setSecretCommand } from "../../../config/stack/commands.ts";
import { readStackFile, SECRETS_NAMESPACE, secretKeys } from "../../../config/stack/secrets.ts";
import { setValue } from "../../../config/text/yaml-edit.ts";
import { replaceFile } from "../../../operate/files/replace-file.ts";
import { ownSecrets, withCopiedSecrets } from "../../../operate/storage/copy-entry.ts";
import { lastLines } from "../../../toolchain/lib/exec.ts";

/** Runs the Pulumi CLI on the stack, with optional standard input. */
export type RunPulumi = (
  args: readonly string[],
  input?: string,
) => Promise<{ code: number | null; stdout: string; stderr: string }>;

/** Writes secrets in the stack's file. */
export interface SecretStore {
  set(key: string, value: string): Promise<void>;
  remove(keys: readonly string[]): Promise<void>;
}

/** By the Pulumi CLI, with a value on standard input: `config set-all` takes all at once, but as arguments, which every user of the machine can see. */
export function pulumiStore(run: RunPulumi): SecretStore {
  const runOrThrow = async (args: readonly string[], input?: string) => {
    const { code, stderr } = await run(args, input);
    if (code === 0) return;
    const output = lastLines(stderr.trim().replace(/^error: /, ""), 3);
    throw new Error(`A secret could not be ${args[1] === "set" ? "stored" : "removed"}: ${output}`);
  };
  return {
    // The CLI strips one trailing line break.
    set: (key, value) => runOrThrow(["config", "set", "--secret", key], `${value}\n`),
    remove: (keys) => runOrThrow(["config", "rm-all", ...keys]),
  };
}

/** Without the key that the stack's secrets are encrypted with: it removes them, and can set none. @param path the stack's file */
export function keylessStore(path: string, stack: string): SecretStore {
  return {
    set: async (key) =>
      fail(
        "config",
        key,
        "can't be set here: a pipeline applies this stack, and the panel has no key to encrypt a value with",
        setSecretCommand(key, stack),
      ),
    remove: async (keys) => {
      const text = keys.reduce(
        (now, key) => setValue(now, ["config", key], undefined),
        readFileSync(path, "utf8"),
      );
      replaceFile(path, text);
    },
  };
}

/** Projects' secrets in the stack's config. */
export class StackSecrets {
  readonly #path: string;
  readonly #stack: string;
  readonly #store: SecretStore;
  /** The file's text after the last call, to detect changes by others. */
  #previousValues: string | undefined;

  constructor(root: string, stack: string, store: SecretStore) {
    this.#path = join(root, `Pulumi.${stack}.yaml`);
    this.#stack = stack;
    this.#store = store;
  }

  /** Stores values for secrets of one project. @throws UserError for invalid names */
  async set(project: string, values: Readonly<Record<string, string>>): Promise<void> {
    const names = Object.keys(values);
    if (!PROJECT_NAME_PATTERN.test(project)) throw refuse(project, "is not a project's name");
    for (const name of names)
      if (!VARIABLE_PATTERN.test(name)) throw refuse(name, "is not a variable's name");
    for (const name of names) {
      const [key] = secretKeys(project, name);
      await this.#store.set(key, values[name] ?? "");
    }
    if (names.length > 0) this.#previousValues = this.#read();
  }

  /** Removes all secrets of one project; shared secrets stay. */
  async remove(project: string): Promise<void> {
    const { plain, encrypted } = readStackFile(this.#read(), this.#path, this.#stack);
    const prefix = `${SECRETS_NAMESPACE}:${project}/`;
    const keys = [...encrypted, ...Object.keys(plain)].filter((key) => key.startsWith(prefix));
    if (keys.length === 0) return;
    await this.#store.remove(keys);
    this.#previousValues = this.#read();
  }

  /** Names of the secrets that a project has of its own. */
  names(project: string): string[] {
    return ownSecrets(this.#read() ?? "", project);
  }

  /** Gives a project the secrets that another has of its own, encrypted as they are: for that nobody needs the key. */
  copy(from: string, to: string): void {
    const before = this.#read();
    if (before === undefined) return;
    const after = withCopiedSecrets(before, from, to);
    if (after !== before) replaceFile(this.#path, after);
    this.#previousValues = after;
  }

  /** Returns a function that restores the current secrets, unless others have changed the file meanwhile. */
  snapshot(): () => void {
    const before = this.#read();
    this.#previousValues = before;
    return () => {
      const present = this.#read();
      if (present === before || present !== this.#previousValues) return;
      if (before === undefined) rmSync(this.#path, { force: true });
      else replaceFile(this.#path, before);
    };
  }

  #read(): string | undefined {
    try {
      return readFileSync(this.#path, "utf8");
    } catch {
      return undefined;
    }
  }
}

const refuse = (name: string, what: string) =>
  new UserError("config", [{ where: `secret of ${name}`, what }]);
