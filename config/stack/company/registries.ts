/** The setting `registries`: where packages come from instead of the public registries. */
import type { Problem } from "../../errors.ts";
import { show } from "../../text/show.ts";
import { removePathCommand, setPathCommand, settingKey } from "../commands.ts";
import { secretCommand } from "../secrets.ts";
import { isMap, type Parsed, parseMap, unknownKeys } from "../structured.ts";

/** A registry that may ask for credentials. */
export interface Registry {
  /** Without a final slash. */
  readonly url: string;
  /** Name of the secret that has its token or password. Absent: it asks for none. */
  readonly secret?: string;
  /** For basic authentication. Absent: npm sends the secret as a token, and pip and uv as the password of `__token__`. */
  readonly username?: string;
}

/** The setting, typed. */
export interface Registries {
  /** `scopes`: those that it has, `@team`; all packages come from it where there is none. */
  readonly npm?: Registry & { readonly scopes: readonly string[] };
  /** The URL is of the simple index. */
  readonly pypi?: Registry;
  /** Mirrors of Debian's packages and of its security updates, for image builds. */
  readonly apt?: { readonly url: string; readonly security: string };
}

type Kind = keyof Registries;

const EXAMPLES: Readonly<Record<Kind, string>> = {
  npm: "https://npm.example.com/",
  pypi: "https://pypi.example.com/simple",
  apt: "https://mirror.example.com/debian",
};
const KINDS = Object.keys(EXAMPLES) as Kind[];
const PARTS: Readonly<Record<Kind, readonly string[]>> = {
  npm: ["url", "secret", "username", "scopes"],
  pypi: ["url", "secret", "username"],
  apt: ["url", "security"],
};
const SCOPE = /^@[a-z0-9~-][a-z0-9._~-]*$/;
/** Narrower than secrets of projects, since many a token would be one of their names. */
const SECRET_NAME = /^[A-Z_][A-Z0-9_]{0,63}$/;
const USERNAME = /^[\w.@+~-]{1,100}$/;

const at = (...path: string[]): string => settingKey(["registries", ...path].join("."));

/** Reads the setting, which is JSON in Pulumi's config. A registry is its URL, or a map with it. */
export function parseRegistries(text: string, stack: string): Parsed<Registries> {
  const map = parseMap(text);
  if (!map) {
    const what = `${text.includes("@") ? "its value" : show(text)} is not a map: it has the keys ${KINDS.join(", ")}`;
    const fix = `${removePathCommand(settingKey("registries"), stack)}, then ${setPathCommand(at("npm"), EXAMPLES.npm, stack)}`;
    return { problems: [{ where: settingKey("registries"), what, fix }] };
  }
  const problems: Problem[] = unknownKeys(map, KINDS, at, stack);
  const found = Object.fromEntries(
    KINDS.filter((kind) => map[kind] !== undefined).map((kind) => {
      const read = readRegistry(kind, map[kind], stack);
      problems.push(...read.problems);
      return [kind, read.value];
    }),
  );
  return problems.length > 0 ? { problems } : { value: found, problems };
}

function readRegistry(kind: Kind, value: unknown, stack: string): Parsed<object> {
  const parts: Readonly<Record<string, unknown>> = isMap(value) ? value : { url: value };
  const urlAt = isMap(value) ? at(kind, "url") : at(kind);
  const url = readUrl(kind, parts.url, urlAt, stack);
  const problems: Problem[] = [
    ...unknownKeys(parts, PARTS[kind], (key) => at(kind, key), stack),
    ...url.problems,
  ];
  if (kind === "apt") {
    const security =
      parts.security === undefined
        ? { value: `${url.value}-security`, problems: [] }
        : readUrl(kind, parts.security, at(kind, "security"), stack);
    problems.push(...security.problems);
    return problems.length > 0
      ? { problems }
      : { value: { url: url.value, security: security.value }, problems };
  }
  problems.push(...checkCredentials(kind, parts, stack));
  const scopes = readScopes(parts.scopes, stack);
  problems.push(...scopes.problems);
  if (problems.length > 0) return { problems };
  const { secret, username } = parts;
  const registry = {
    url: url.value,
    ...(secret !== undefined && { secret }),
    ...(username !== undefined && { username }),
  };
  return { value: kind === "npm" ? { ...registry, scopes: scopes.value } : registry, problems };
}

/** No credentials that a URL has are quoted. */
function readUrl(kind: Kind, value: unknown, where: string, stack: string): Parsed<string> {
  const refuse = (what: string, fix = setPathCommand(where, EXAMPLES[kind], stack)): Parsed<string> => ({
    problems: [{ where, what, fix }],
  });
  if (value === undefined) return refuse("is missing");
  const text = typeof value === "string" ? value.trim() : "";
  const url = URL.parse(text);
  if (url?.username || url?.password) {
    const has = "has credentials in plain text";
    if (kind === "apt")
      return refuse(`${has}, and image builds have no secrets`, "use a mirror that needs none");
    return refuse(
      has,
      `${setPathCommand(where, EXAMPLES[kind], stack)}, without them; then ${setPathCommand(at(kind, "secret"), "<NAME>", stack)} and ${secretCommand("<NAME>", undefined, stack)}`,
    );
  }
  if (!url || !/^https?:$/.test(url.protocol) || url.search || url.hash || /["'\s\\$`]/.test(text))
    return refuse(`${show(value)} is not the URL of a registry (e.g. ${EXAMPLES[kind]})`);
  return { value: text.replace(/\/+$/, ""), problems: [] };
}

function checkCredentials(kind: Kind, parts: Readonly<Record<string, unknown>>, stack: string): Problem[] {
  const { url, secret, username } = parts;
  const problems: Problem[] = [];
  if (secret !== undefined && !(typeof secret === "string" && SECRET_NAME.test(secret)))
    problems.push({
      where: at(kind, "secret"),
      // Somebody may have pasted the value.
      what: "is not the name of a secret: capital letters, digits and underscores, not its value",
      fix: setPathCommand(at(kind, "secret"), `${kind.toUpperCase()}_TOKEN`, stack),
    });
  else if (secret !== undefined && /^http:/i.test(String(url)))
    problems.push({
      where: at(kind, "url"),
      what: "is not encrypted, and the secret would be sent to it",
      fix: setPathCommand(at(kind, "url"), String(url).replace(/^http:/i, "https:"), stack),
    });
  if (username !== undefined && !(typeof username === "string" && USERNAME.test(username)))
    problems.push({
      where: at(kind, "username"),
      what: `${show(username)} is not a user name: letters, digits and . _ @ + ~ -`,
      fix: removePathCommand(at(kind, "username"), stack),
    });
  else if (username !== undefined && secret === undefined)
    problems.push({
      where: at(kind, "username"),
      what: "has no secret with its password",
      fix: setPathCommand(at(kind, "secret"), `${kind.toUpperCase()}_TOKEN`, stack),
    });
  return problems;
}

function readScopes(value: unknown, stack: string): Parsed<readonly string[]> {
  const items: unknown = typeof value === "string" ? value.split(/[\s,]+/).filter(Boolean) : (value ?? []);
  const list: readonly unknown[] = Array.isArray(items) ? items : [items];
  const problems = list
    .filter((item) => !(typeof item === "string" && SCOPE.test(item)))
    .map((item) => ({
      where: at("npm", "scopes"),
      what: `${show(item)} is not a scope of npm (e.g. @team)`,
      fix: setPathCommand(at("npm", "scopes[0]"), "@team", stack),
    }));
  return problems.length > 0 ? { problems } : { value: list as string[], problems };
}

/** Names of the secrets that the registries need, each once. */
export const registrySecrets = ({ npm, pypi }: Registries = {}): string[] => [
  ...new Set([npm?.secret, pypi?.secret].filter((name) => name !== undefined)),
];

/** Secrets of registries without a value that every project can have. */
export function registrySecretProblems(
  registries: Registries | undefined,
  projects: readonly { readonly name: string }[],
  hasSecret: (project: string, name: string) => boolean,
  stack: string,
): Problem[] {
  return (["npm", "pypi"] as const).flatMap((kind): Problem[] => {
    const secret = registries?.[kind]?.secret;
    const without = secret && projects.find(({ name }) => !hasSecret(name, secret));
    if (!secret || !without) return [];
    const what = `${secret} has no value for ${without.name}`;
    return [{ where: at(kind, "secret"), what, fix: `set one: ${secretCommand(secret, undefined, stack)}` }];
  });
}
