/** A provider's configuration: the SDK sends everything but strings as JSON. */
import type { Property, Schema } from "./schema.ts";
import { type PlainProps, type Props, reveal, Secret, type Value } from "./values.ts";

/** The configuration with the schema's types; empty strings and lists count as unset. */
export function typedConfig(schema: Schema, config: Props): Props {
  const entries = Object.entries(config).map(([key, value]) => [key, typed(schema[key], value)] as const);
  return Object.fromEntries(entries.filter(([, value]) => value !== "" && !isEmptyList(value)));
}

/** The configuration without secret marks. */
export function plainConfig(schema: Schema, config: Props): PlainProps {
  const entries = Object.entries(typedConfig(schema, config));
  return Object.fromEntries(entries.map(([key, value]) => [key, reveal(value)]));
}

function isEmptyList(value: Value): boolean {
  return Array.isArray(value) && value.length === 0;
}

function typed(property: Property | undefined, value: Value): Value {
  if (value instanceof Secret) return new Secret(typed(property, value.value));
  if (typeof value !== "string" || property === undefined || property.type === "string") return value;
  try {
    return JSON.parse(value) as Value;
  } catch {
    return value;
  }
}
