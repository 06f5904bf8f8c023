/** Properties as the SDK names them, and the API's JSON. */
import type { Property, Schema } from "../shared/schema.ts";
import { isPlainProps, type Plain, type PlainProps } from "../shared/values.ts";

/** How the API calls a property. */
export type Naming = (property: string) => string;

const SPECIAL: Readonly<Record<string, string>> = {
  excludes: "exclude",
  includes: "include",
  requires: "require",
  serviceAuth401Redirect: "service_auth_401_redirect",
  targetCriterias: "target_criteria",
  warpAuthNonBrowser401: "warp_auth_non_browser_401",
};

/** The usual one: words with underscores, in the singular where the SDK has made a plural. */
export const snake: Naming = (property) =>
  SPECIAL[property] ?? property.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** JSON of what is asked for. */
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

/** What the API answered, as far as the table knows it. Nulls are absent; what the stand-in doesn't take isn't read either. */
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

/** What was asked for, with what the API has filled in beside it. */
export function filledIn(asked: PlainProps, live: PlainProps): PlainProps {
  const merged: PlainProps = { ...live };
  for (const [name, value] of Object.entries(asked)) {
    const found = live[name];
    merged[name] = isPlainProps(value) && isPlainProps(found) ? filledIn(value, found) : value;
  }
  return merged;
}
