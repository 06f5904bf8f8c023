/** Messages for the issues that zod finds, each with a fix. */
import type * as z from "zod";
import { closest, show } from "../text/show.ts";
import type { Path } from "../text/yaml.ts";

/** What people write for a key that is called otherwise here, or that belongs one level down. */
const KEY_ALIASES: Readonly<Record<string, string>> = {
  apt: "packages",
  auth: "git.auth",
  baseImage: "image",
  config: "opencode.config",
  cpu: "cpus",
  cpus: "resources.cpus",
  email: "members",
  tz: "timezone",
  emails: "members",
  enabled: "state",
  environment: "env",
  maxProjects: "limits.maxProjects",
  mem: "memory",
  memory: "resources.memory",
  model: "opencode.model",
  password: "secrets",
  pids: "resources.pids",
  ref: "branch",
  repository: "repo",
  tag: "branch",
  token: "secrets",
  url: "repo",
  teams: "groups",
  users: "members",
  version: "opencode.version",
};

/** Keys of other tools that have no like here, and why. */
const UNSUPPORTED_KEYS: Readonly<Record<string, string>> = {
  exclude: "it belongs into a stack's own file, such as projects.prod.yaml",
  build: "write image: for an image to build on, and packages: for what is added",
  port: "write ports: [3000] for what the project's own programs serve; opencode has the project's hostname",
  volumes: "each project has one persistent workspace",
};

/** What other tools call the keys of a service, and those that have no like here. */
const SERVICE_KEYS: Readonly<Record<string, string>> = {
  build: "a service runs an image that is there: build and push it, and name it under image",
  depends_on: "services start at once, and the project after them",
  entrypoint: "write what the image runs under command",
  environment: "did you mean env?",
  healthcheck: "did you mean health?",
  port: "the project reaches a service on every port, and nobody else does",
  ports: "the project reaches a service on every port, and nobody else does",
  volumes: "did you mean volume?",
};

/** Keys of `git` that one way of authenticating has. */
const KEYS_OF_AUTH: Readonly<Record<string, string>> = {
  secret: "token",
  username: "token",
  knownHosts: "ssh",
};

const TYPE_NAMES: Readonly<Record<string, string>> = {
  string: "text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  array: "a list",
  tuple: "a list",
  object: "a map (key: value)",
  record: "a map (key: value)",
};

/** A kind of value in words. */
export const nameOfType = (expected: string): string => TYPE_NAMES[expected] ?? expected;

export type RawIssue = Parameters<z.core.$ZodErrorMap>[0];

/**
 * The message for an issue whose schema has none of its own. Unknown keys give one line per key, in order.
 * `source` is how the value is written in the file, where that is known.
 */
export function describeIssue(issue: RawIssue, source?: string): string {
  if (issue.code === "unrecognized_keys") {
    const known = knownKeys(issue.inst);
    return issue.keys.map((key) => describeUnknownKey(key, known)).join("\n");
  }
  if (issue.code === "invalid_union" && issue.discriminator) {
    const found = (issue.input as Record<string, unknown>)[issue.discriminator];
    return describeChoice(found, Array.isArray(issue.options) ? issue.options : []);
  }
  if (issue.code === "invalid_key") return issue.issues[0]?.message ?? "is not a key that can be used";
  if (issue.input === undefined) return "is missing";
  if (issue.input === null) return "is empty: set a value, or remove it";
  const found = show(issue.input);
  if (issue.code === "invalid_type") return describeType(issue.expected, issue.input, source);
  if (issue.code === "invalid_value") return describeChoice(issue.input, issue.values);
  if (issue.code === "too_small") {
    if (issue.origin === "array") return "is an empty list";
    const least = issue.inclusive === false ? `more than ${issue.minimum}` : `${issue.minimum} or more`;
    return `${found} is too small: ${least}`;
  }
  if (issue.code === "too_big") return `${found} is too large: ${issue.maximum} or less`;
  return `${found} is not valid here`;
}

/** A value that is none of the choices, with the one that was probably meant. */
export function describeChoice(found: unknown, options: readonly unknown[]): string {
  const words = options.filter((option) => option !== undefined).map(String);
  const list = words.length > 1 ? `${words.slice(0, -1).join(", ")} or ${words.at(-1)}` : words.join("");
  if (found === undefined) return `is required: ${list}`;
  if (found === null) return `has no value: write ${list}`;
  const guess = typeof found === "string" ? closest(found, words) : undefined;
  return `${show(found)} is not ${list}${guess ? `; did you mean ${guess}?` : ""}`;
}

function describeType(expected: string, input: unknown, source?: string): string {
  const text = `${show(input)} is not ${nameOfType(expected)}`;
  const scalar = typeof input === "string" || typeof input === "number" || typeof input === "boolean";
  if (expected === "string" && scalar) return `${source ?? show(input)} must be text: quote it`;
  if (
    expected === "number" &&
    typeof input === "string" &&
    input.trim() !== "" &&
    Number.isFinite(Number(input))
  )
    return `${text}: remove the quotes`;
  if (expected === "array" && scalar) return `${text}: write [${input}]`;
  return text;
}

/** The keys of the map that an issue is about. */
export function knownKeys(schema: unknown): string[] {
  const shape = (schema as { _zod?: { def?: { shape?: object } } } | undefined)?._zod?.def?.shape;
  return Object.keys(shape ?? {});
}

function describeUnknownKey(key: string, known: readonly string[]): string {
  if (key === "<<") return "merge keys are not supported: put shared values under defaults";
  const elsewhere = Object.hasOwn(KEY_ALIASES, key) ? KEY_ALIASES[key] : undefined;
  if (known.includes("health") && Object.hasOwn(SERVICE_KEYS, key))
    return `is not a valid key here: ${SERVICE_KEYS[key]}`;
  if (Object.hasOwn(UNSUPPORTED_KEYS, key)) return `is not a valid key here: ${UNSUPPORTED_KEYS[key]}`;
  if (known.includes("auth") && Object.hasOwn(KEYS_OF_AUTH, key))
    return `is only for auth: ${KEYS_OF_AUTH[key]}`;
  if (elsewhere && known.includes(elsewhere.split(".")[0] ?? ""))
    return `is not a valid key here; did you mean ${elsewhere}?`;
  const guess = closest(key, known);
  return `is not a valid key here${guess ? `; did you mean ${guess}?` : `; valid keys: ${known.join(", ")}`}`;
}

/** `projects[2].resources.memory`; keys that are not plain words are quoted: `env["A B"]`. */
export function formatPath(path: Path): string {
  return path
    .map((step, index) => {
      if (typeof step === "number") return `[${step}]`;
      if (!/^[A-Za-z_][\w-]*$/.test(step)) return `[${JSON.stringify(step)}]`;
      return index === 0 ? step : `.${step}`;
    })
    .join("");
}
