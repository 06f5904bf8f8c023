/** A resource's inputs as a schema, and their validation. */
import { isProps, type Plain, type Props, Secret, Unknown, type Value } from "./values.ts";

/** A property: its type and how its change is applied. */
export interface Property {
  readonly type: "string" | "integer" | "number" | "boolean" | "list" | "map" | "object" | "any";
  /** The elements of a list or map. */
  readonly items?: Property;
  /** The fields of an object. */
  readonly fields?: Schema;
  readonly required?: boolean;
  /** A change replaces the resource. */
  readonly replace?: boolean;
  /** The daemon or the provider fills it in if unset, so leaving it out is no change. */
  readonly computed?: boolean;
  /** A list whose order doesn't matter. */
  readonly unordered?: boolean;
  /** The default. */
  readonly fallback?: Plain;
  /** An empty string keeps the current value. */
  readonly emptyKeeps?: boolean;
  readonly pattern?: RegExp;
  /** The form in which two strings are compared, such as lower case. */
  readonly compared?: (text: string) => string;
  /** The state's form of a string, such as its digest. */
  readonly kept?: (text: string) => string;
  /** Why the stand-in rejects the property. */
  readonly refused?: string;
}

export type Schema = Readonly<Record<string, Property>>;

/** A problem of the inputs. */
export interface Failure {
  readonly property: string;
  readonly reason: string;
}

/** All problems of the inputs; values are never included, as they may be secret. */
export function checkProps(schema: Schema, props: Props, path = ""): Failure[] {
  const failures: Failure[] = [];
  for (const [key, value] of Object.entries(props)) {
    const where = path === "" ? key : `${path}.${key}`;
    if (key.startsWith("__")) continue;
    const property = schema[key];
    if (property === undefined) failures.push({ property: where, reason: unknownReason(key, schema) });
    else if (property.refused !== undefined) failures.push({ property: where, reason: property.refused });
    else failures.push(...checkValue(property, value, where));
  }
  for (const [key, property] of Object.entries(schema)) {
    if (property.required === true && props[key] === undefined) {
      failures.push({ property: path === "" ? key : `${path}.${key}`, reason: `"${key}" is required` });
    }
  }
  return failures;
}

function unknownReason(key: string, schema: Schema): string {
  return `unknown property "${key}"; known are ${Object.keys(schema).sort().join(", ")}`;
}

function checkValue(property: Property, value: Value, where: string): Failure[] {
  if (value instanceof Secret) return checkValue(property, value.value, where);
  if (value instanceof Unknown || value === null || property.type === "any") return [];
  switch (property.type) {
    case "list":
      if (!Array.isArray(value)) return [mismatch(where, "a list", value)];
      return value.flatMap((item, index) =>
        property.items === undefined ? [] : checkValue(property.items, item, `${where}[${index}]`),
      );
    case "map":
      if (!isProps(value)) return [mismatch(where, "a map", value)];
      return Object.entries(value).flatMap(([key, item]) =>
        property.items === undefined ? [] : checkValue(property.items, item, `${where}.${key}`),
      );
    case "object":
      if (!isProps(value)) return [mismatch(where, "an object", value)];
      return checkProps(property.fields ?? {}, value, where);
    default:
      return checkScalar(property, value, where);
  }
}

function checkScalar(property: Property, value: Value, where: string): Failure[] {
  const fits = property.type === "integer" ? Number.isInteger(value) : typeof value === property.type;
  if (!fits) return [mismatch(where, `a${property.type === "integer" ? "n" : ""} ${property.type}`, value)];
  if (property.pattern !== undefined && typeof value === "string" && !property.pattern.test(value)) {
    return [{ property: where, reason: `must match ${property.pattern.source}` }];
  }
  return [];
}

function mismatch(property: string, expected: string, value: Value): Failure {
  const kind = Array.isArray(value) ? "a list" : isProps(value) ? "an object" : `a ${typeof value}`;
  return { property, reason: `must be ${expected}, not ${kind}` };
}

/** Shorthands for schemas. */
export const text: Property = { type: "string" };
export const integer: Property = { type: "integer" };
export const flag: Property = { type: "boolean" };
export const textMap: Property = { type: "map", items: text };
export const textList: Property = { type: "list", items: text };
export const textSet: Property = { type: "list", items: text, unordered: true };

/** The same property; a change replaces the resource. */
export function replaced(property: Property): Property {
  return { ...property, replace: true };
}

/** The same property, computed if unset. */
export function computed(property: Property): Property {
  return { ...property, computed: true };
}

/** An unordered list of objects. */
export function objects(fields: Schema): Property {
  return { type: "list", unordered: true, items: { type: "object", fields } };
}
