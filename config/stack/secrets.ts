/**
 * Where secrets are kept: the stack's own config, encrypted, under `secrets:NAME` (every project) or
 * `secrets:<project>/NAME` (that project alone; it wins).
 */

import type { Problem } from "../errors.ts";
import { PROJECT_NAME_PATTERN, VARIABLE_PATTERN } from "../projects/field-schemas.ts";
import { parseYaml } from "../text/yaml.ts";
import { LOCAL_STACK, removeCommand, setSecretCommand } from "./commands.ts";

/** Config namespace of secrets. */
export const SECRETS_NAMESPACE = "secrets";

/** The config keys that may hold a project's secret, the one that wins first. */
export function secretKeys(project: string, name: string): readonly [own: string, shared: string] {
  return [`${SECRETS_NAMESPACE}:${project}/${name}`, `${SECRETS_NAMESPACE}:${name}`];
}

/** The command that gives a secret a value, for one project or for all. It asks for the value. */
export function secretCommand(name: string, project?: string, stack = LOCAL_STACK): string {
  const [own, shared] = secretKeys(project ?? "", name);
  return setSecretCommand(project ? own : shared, stack);
}

/** What a stack's file says, as far as it can be read without a passphrase. */
export interface StackFile {
  /** Plain settings, full key → value as the program gets it; encrypted ones are left out. */
  readonly plain: Readonly<Record<string, string>>;
  /** Full keys whose value is encrypted, wholly or in part. */
  readonly encrypted: ReadonlySet<string>;
  /** Whether a secret has a value for a project. */
  hasSecret(project: string, name: string): boolean;
  /** What is wrong with the file. */
  readonly problems: readonly Problem[];
}

/** Reads a Pulumi.<stack>.yaml: which secrets have a value, never the values. An absent file has none. */
export function readStackFile(text: string | undefined, file: string, stack = LOCAL_STACK): StackFile {
  const yaml = parseYaml(text ?? "config: {}");
  const problems: Problem[] = yaml.findings.map(({ offset, what, fix }) => {
    const { line, col } = yaml.position(offset);
    return { where: `${file}:${line}:${col}`, what, fix };
  });
  const secret = new Set<string>();
  const plain: Record<string, string> = {};
  const encrypted = new Set<string>();
  for (const [key, value] of Object.entries(configOf(yaml.value))) {
    const { line, col } = yaml.position(yaml.offsetOf(["config", key], "key"));
    const report = (what: string, fix: string) =>
      problems.push({ where: `${file}:${line}:${col} ${key}`, what, fix });
    const isSecret = typeof value === "object" && value !== null && Object.hasOwn(value, "secure");
    if (isSecretValue(value)) encrypted.add(key);
    else
      plain[key] = typeof value === "object" && value !== null ? JSON.stringify(value) : String(value ?? "");
    if (!key.startsWith(`${SECRETS_NAMESPACE}:`)) continue;
    if (!isSecretKey(key))
      report(
        "is not a valid secret key: use secrets:NAME or secrets:<project>/NAME",
        removeCommand(key, stack),
      );
    else if (!isSecret)
      report("is in plain text", `revoke it at its issuer, then: ${setSecretCommand(key, stack)}`);
    else secret.add(key);
  }
  const hasSecret = (project: string, name: string) =>
    secretKeys(project, name).some((key) => secret.has(key));
  return { plain, encrypted, hasSecret, problems };
}

/** Whether a value, or an item of a list, is encrypted. */
const isSecretValue = (value: unknown): boolean =>
  typeof value === "object" &&
  value !== null &&
  (Object.hasOwn(value, "secure") || Object.values(value).some(isSecretValue));

function configOf(value: unknown): Record<string, unknown> {
  const config = (value as { config?: unknown } | null | undefined)?.config;
  return typeof config === "object" && config !== null ? (config as Record<string, unknown>) : {};
}

function isSecretKey(key: string): boolean {
  const [first = "", second, ...rest] = key.slice(SECRETS_NAMESPACE.length + 1).split("/");
  if (second === undefined) return VARIABLE_PATTERN.test(first);
  return rest.length === 0 && PROJECT_NAME_PATTERN.test(first) && VARIABLE_PATTERN.test(second);
}
