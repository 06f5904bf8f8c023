/** Converts between the SDK's properties and the API's JSON. */
import type { Property, Schema } from "../shared/schema.ts";
import { isPlainProps, type Plain, type PlainProps } from "../shared/values.ts";

/** The API's name of a property. */
export type Naming = (property: string) => string;

const SPECIAL: Readonly<Record<string, string>> = {
  excludes: "exclude",
  includes: "include",
  requires: "require",
  serviceAuth401Redirect: "service_auth_401_redirect",
  targetCriterias: "target_criteria",
  warpAuthNonBrowser401: "warp_auth_non_browser_401",
};

/** The default: snake case, in the singular where the SDK has a plural. */
export const snake: Naming = (property) =>
  SPECIAL[property] ?? property.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** The JSON of inputs. */
export function toApi(schema: Schema, props: PlainProps, naming: Naming = snake): PlainProps {
  const entries = Object.entries(props).flatMap(([name, value]): [string, Plain][] => {
    const property = schema[name];
    return property === undefined ? [] : [[naming(name), valueToApi(property, value, naming)]];
  });
  return Object.fromEntries(entries);
}

function valueToApi(property: Property, value: Plain, naming: Naming): Plain {
  if (Array.isArray(value)) {
    const { items } = property;
    return items === undefined ? value : value.map((item) => valueToApi(items, item, naming));
  }
  return isPlainProps(value) && property.fields !== undefined ? toApi(property.fields, value, naming) : value;
}

/**
 * Properties in an API response that the schema has. Skips nulls and properties that the stand-in does not
 * support.
 */
export function fromApi(schema: Schema, json: PlainProps, naming: Naming = snake): PlainProps {
  const entries = Object.entries(schema).flatMap(([name, property]): [string, Plain][] => {
    const value = json[naming(name)];
    const left = value === undefined || value === null || property.refused !== undefined;
    return left ? [] : [[name, valueFromApi(property, value, naming)]];
  });
  return Object.fromEntries(entries);
}

function valueFromApi(property: Property, value: Plain, naming: Naming): Plain {
  if (Array.isArray(value)) {
    const { items } = property;
    return items === undefined ? value : value.map((item) => valueFromApi(items, item, naming));
  }
  return isPlainProps(value) && property.fields !== undefined
    ? fromApi(property.fields, value, naming)
    : value;
}

/** The inputs, completed by what the API filled in. */
export function filledIn(asked: PlainProps, live: PlainProps): PlainProps {
  const merged: PlainProps = { ...live };
  for (const [name, value] of Object.entries(asked)) {
    const found = live[name];
    merged[name] = isPlainProps(value) && isPlainProps(found) ? filledIn(value, found) : value;
  }
  return merged;
}
