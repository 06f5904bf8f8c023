/** The official plugins' forms of a state, so that a stack can switch between both kinds of plugins. */
import type { Property, Schema } from "./schema.ts";
import { isProps, type Props, Secret, type Value } from "./values.ts";

/** Adds every missing field of each object, with its type's zero. */
export function withZeroFields(schema: Schema, props: Props): Props {
  const entries = Object.entries(props).map(([name, value]) => [name, filled(schema[name], value)] as const);
  return Object.fromEntries(entries);
}

function filled(property: Property | undefined, value: Value): Value {
  if (property === undefined) return value;
  if (value instanceof Secret) return new Secret(filled(property, value.value));
  if (Array.isArray(value)) return value.map((item) => filled(property.items, item));
  const { fields } = property;
  if (property.type !== "object" || fields === undefined || !isProps(value)) return value;
  return { ...zeros(fields), ...withZeroFields(fields, value) };
}

function zeros(fields: Schema): Props {
  const entries = Object.entries(fields).flatMap(([name, { type, fallback }]) => {
    const zero = fallback ?? ZEROS[type];
    return zero === undefined ? [] : [[name, zero] as const];
  });
  return Object.fromEntries(entries);
}

/** A missing object within an object stays absent. */
const ZEROS: Readonly<Partial<Record<Property["type"], Value>>> = {
  string: "",
  integer: 0,
  number: 0,
  boolean: false,
  list: [],
  map: {},
};
