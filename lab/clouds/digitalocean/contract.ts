/** DigitalOcean's published description of its API. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv, type ErrorObject, type ValidateFunction } from "ajv";
import formats from "ajv-formats";

/** A node of the description, only accessed by names. */
interface Node {
  [name: string]: Node | undefined;
}

/** A call of the API, from the description. */
export interface Operation {
  /** Such as `droplets_create`. */
  readonly id: string;
  readonly method: string;
  /** Such as `/v2/droplets/{droplet_id}`. */
  readonly path: string;
  /** Scopes that a token needs for it, all of them. */
  readonly scopes: readonly string[];
  /** Additional scopes for requests with these properties. */
  readonly scopesOf: Readonly<Record<string, readonly string[]>>;
}

const document = JSON.parse(readFileSync(join(import.meta.dirname, "openapi.json"), "utf8")) as Node;
const METHODS = ["get", "post", "put", "patch", "delete"];
/** Coarse scopes, which include the fine ones. */
const COARSE = /^api:/;

const ajv = new Ajv({ strict: false, allErrors: true, unicodeRegExp: false });
(formats as unknown as (ajv: Ajv) => void)(ajv);
ajv.addSchema(document, "api");
const compiled = new Map<string, ValidateFunction>();

/** Every call in the description. */
export const operations: readonly Operation[] = Object.entries(document.paths ?? {}).flatMap(
  ([path, calls]) =>
    METHODS.flatMap((method) => {
      const call = calls?.[method];
      return call ? [operation(path, method, call)] : [];
    }),
);

function operation(path: string, method: string, call: Node): Operation {
  const security = (call.security ?? []) as unknown as { bearer_auth?: string[] }[];
  return {
    id: String(call.operationId),
    method: method.toUpperCase(),
    path,
    scopes: security.flatMap(({ bearer_auth }) => bearer_auth ?? []).filter((name) => !COARSE.test(name)),
    scopesOf: scopesOfProperties(at(bodyPointer(path, method))),
  };
}

/** Problems of a request's body, for people; empty if it is valid. */
export function complaintsOfRequest(operation: Operation, body: unknown): string[] {
  const pointer = bodyPointer(operation.path, operation.method.toLowerCase());
  if (!at(pointer)) return [];
  const { given, left } = withoutEmpty(body);
  return errorsOf(pointer, given)
    .filter(({ keyword, params }) => keyword !== "required" || !left.has(String(params.missingProperty)))
    .map(inWords);
}

/** Problems of a response, for people; empty if it is valid. */
export function complaintsOfResponse(operation: Operation, status: number, body: unknown): string[] {
  const responses = `/paths/${escapeName(operation.path)}/${operation.method.toLowerCase()}/responses`;
  const code = at(`${responses}/${status}`) ? String(status) : "default";
  if (!at(`${responses}/${code}`)) return [`the description knows no status ${status} here`];
  const pointer = follow(`${responses}/${code}`);
  if (!at(`${pointer}/content`)) return body === undefined ? [] : ["there should be no body"];
  return errorsOf(`${pointer}/content/application~1json/schema`, body).map(inWords);
}

/**
 * DigitalOcean's own clients send null and empty strings for omitted values, and no ports with ICMP. The API
 * accepts both, undocumented. Returns a body that matches the description, and the names of omitted values.
 */
function withoutEmpty(body: unknown): { given: unknown; left: Set<string> } {
  const left = new Set<string>();
  const strip = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(strip);
    if (typeof value !== "object" || value === null) return value;
    const entries = Object.entries(value).filter(([name, member]) => {
      const empty = member === null || member === "";
      if (empty) left.add(name);
      return !empty;
    });
    const portless = "protocol" in value && value.protocol === "icmp" ? { ports: "0" } : {};
    return { ...portless, ...Object.fromEntries(entries.map(([name, member]) => [name, strip(member)])) };
  };
  return { given: strip(body), left };
}

function errorsOf(pointer: string, value: unknown): ErrorObject[] {
  const validate = compiled.get(pointer) ?? ajv.compile({ $ref: `api#${encodeURI(pointer)}` });
  compiled.set(pointer, validate);
  return validate(value) ? [] : (validate.errors ?? []);
}

const inWords = ({ instancePath, message, params }: ErrorObject): string =>
  `${instancePath.slice(1).replaceAll("/", ".") || "body"} ${message}${params.allowedValues ? ` (${params.allowedValues})` : ""}`;

function escapeName(name: string): string {
  return name.replaceAll("~", "~0").replaceAll("/", "~1");
}

function bodyPointer(path: string, method: string): string {
  return `/paths/${escapeName(path)}/${method}/requestBody/content/application~1json/schema`;
}

/** The node of the description at a pointer. */
function at(pointer: string): Node | undefined {
  const names = pointer
    .split("/")
    .slice(1)
    .map((name) => name.replaceAll("~1", "/").replaceAll("~0", "~"));
  return names.reduce<Node | undefined>((node, name) => node?.[name], document);
}

/** The pointer, with a reference resolved. */
function follow(pointer: string): string {
  const reference = at(pointer)?.$ref;
  return reference ? follow(String(reference).slice(1)) : pointer;
}

/** Scopes that the description mentions in the text of a body's properties. */
function scopesOfProperties(schema: Node | undefined): Record<string, string[]> {
  if (!schema) return {};
  if (schema.$ref) return scopesOfProperties(at(String(schema.$ref).slice(1)));
  const found: Record<string, string[]> = {};
  for (const join of ["allOf", "oneOf", "anyOf"])
    for (const part of (schema[join] ?? []) as unknown as Node[])
      Object.assign(found, scopesOfProperties(part));
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    const scopes = [...requirement(property).matchAll(/`([a-z_]+:[a-z_]+)`/g)].map((match) => match[1] ?? "");
    if (scopes.length > 0) found[name] = scopes;
  }
  return found;
}

/** The text of a property's description from "Requires" on, also in composed ones. */
function requirement(property: Node | undefined): string {
  if (!property) return "";
  const parts = (property.allOf ?? []) as unknown as Node[];
  const text = [property, ...parts].map((part) => String(part.description ?? "")).join("\n");
  return /Requires `[\s\S]*/.exec(text)?.[0] ?? "";
}
