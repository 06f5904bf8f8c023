/**
 * Property values on the wire between the engine and a plugin, with their two marks: secret and unknown.
 * Everything that a plugin returns keeps its inputs' marks.
 */

/** The engine's key for the kind of a marked object. */
const SIGNATURE = "4dabf18193072939515e22adb298388d";
const SECRET_SIGNATURE = "1b47061264138c4ac30d75fd1eb44270";
const OUTPUT_SIGNATURE = "d0e6a833031e9bbcd3f4e8bde6ca49a4";
const UNKNOWN_VALUES: ReadonlySet<string> = new Set([
  "04da6b54-80e4-46f7-96ec-b56ff0331ba9", // a string, or anything
  "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7", // a boolean
  "3eeb2bf0-c639-47a8-9e75-3b44932eb421", // a number
  "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2", // a list
  "030794c1-ac77-496b-92df-f27374a8bd58", // an asset
  "e48ece36-62e2-4504-bad9-02848725956a", // an archive
  "dd056dcd-154b-4c76-9bd3-c8f88648b5ff", // an object
]);
const UNKNOWN_TEXT = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

/** A value that must never be shown or stored in plain. */
export class Secret {
  readonly value: Value;
  constructor(value: Value) {
    this.value = value;
  }
}

/** A value that a preview can't know. */
export class Unknown {
  private readonly mark = "unknown";
  toString(): string {
    return `(${this.mark})`;
  }
}

export const UNKNOWN = new Unknown();

/** A value with its marks. */
export type Value = null | boolean | number | string | Secret | Unknown | Value[] | Props;
export type Props = { [key: string]: Value };

/** A value without marks. */
export type Plain = null | boolean | number | string | Plain[] | PlainProps;
export type PlainProps = { [key: string]: Plain };

/** Any JSON value: the content of a protobuf Struct. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

export function isProps(value: Value | undefined): value is Props {
  return (
    typeof value === "object" &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof Secret) &&
    !(value instanceof Unknown)
  );
}

export function isPlainProps(value: Plain | undefined): value is PlainProps {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Decodes a value. */
export function decode(json: Json): Value {
  if (typeof json === "string") return UNKNOWN_VALUES.has(json) ? UNKNOWN : json;
  if (json === null || typeof json !== "object") return json;
  if (Array.isArray(json)) return json.map(decode);
  const signature = json[SIGNATURE];
  if (signature === SECRET_SIGNATURE) return new Secret(decode(json.value ?? null));
  if (signature === OUTPUT_SIGNATURE) {
    const value = json.value === undefined ? UNKNOWN : decode(json.value);
    return json.secret === true ? new Secret(value) : value;
  }
  return decodeProps(json);
}

/** Decodes properties; nulls are absent properties. */
export function decodeProps(json: { [key: string]: Json }): Props {
  const given = Object.entries(json).filter(([, value]) => value !== null);
  return Object.fromEntries(given.map(([key, value]) => [key, decode(value)]));
}

/** Encodes a value. */
export function encode(value: Value): Json {
  if (value instanceof Unknown) return UNKNOWN_TEXT;
  if (value instanceof Secret) return { [SIGNATURE]: SECRET_SIGNATURE, value: encode(value.value) };
  if (value === null || typeof value !== "object") return value;
  if (Array.isArray(value)) return value.map(encode);
  return encodeProps(value);
}

/** Encodes properties. */
export function encodeProps(props: Props): { [key: string]: Json } {
  const given = Object.entries(props).filter(([, value]) => value !== undefined);
  return Object.fromEntries(given.map(([key, value]) => [key, encode(value)]));
}

/** The value without secret marks; unknown values become null, so check `hasUnknown` first. */
export function reveal(value: Value): Plain {
  if (value instanceof Unknown) return null;
  if (value instanceof Secret) return reveal(value.value);
  if (value === null || typeof value !== "object") return value;
  if (Array.isArray(value)) return value.map(reveal);
  return revealProps(value);
}

/** The properties without their secret marks. */
export function revealProps(props: Props): PlainProps {
  return Object.fromEntries(Object.entries(props).map(([key, value]) => [key, reveal(value)]));
}

/** Whether any part of the value satisfies the test. */
function some(value: Value | undefined, test: (part: Value) => boolean): boolean {
  if (value === undefined) return false;
  if (test(value)) return true;
  if (value instanceof Secret) return some(value.value, test);
  if (Array.isArray(value)) return value.some((part) => some(part, test));
  return isProps(value) && Object.values(value).some((part) => some(part, test));
}

/** Whether any part of the value is unknown. */
export function hasUnknown(value: Value | undefined): boolean {
  return some(value, (part) => part instanceof Unknown);
}

/** Whether any part of the value is secret. */
export function hasSecret(value: Value | undefined): boolean {
  return some(value, (part) => part instanceof Secret);
}

/** Whether two plain values are equal, regardless of their keys' order. */
export function same(left: Plain | undefined, right: Plain | undefined): boolean {
  return stable(left) === stable(right);
}

/** Serializes a plain value, regardless of its keys' order. */
export function stable(value: Plain | undefined): string {
  if (value === undefined) return "";
  if (Array.isArray(value)) return `[${value.map(stable).join(",")}]`;
  if (!isPlainProps(value)) return JSON.stringify(value);
  const keys = Object.keys(value).sort();
  return `{${keys.map((key) => `${JSON.stringify(key)}:${stable(value[key])}`).join(",")}}`;
}

/**
 * The state after an operation: the inputs, overlaid with the real values. An unchanged value keeps its
 * marks; a changed one is secret if its input was.
 */
export function overlay(inputs: Props, live: PlainProps): Props {
  const state: Props = { ...inputs };
  for (const [key, value] of Object.entries(live)) state[key] = marked(inputs[key], value);
  return state;
}

function marked(asked: Value | undefined, found: Plain): Value {
  if (asked === undefined) return found;
  if (same(reveal(asked), found)) return asked;
  if (isProps(asked) && isPlainProps(found)) {
    return Object.fromEntries(Object.entries(found).map(([key, value]) => [key, marked(asked[key], value)]));
  }
  return hasSecret(asked) ? new Secret(found) : found;
}
