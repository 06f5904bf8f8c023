/** Compares a resource's state with its new inputs, property by property. */
import type { Property, Schema } from "./schema.ts";
import { hasUnknown, isPlainProps, type Plain, type Props, reveal, stable, type Value } from "./values.ts";

export type ChangeKind = "add" | "delete" | "update";

/** A change of one property. */
export interface Change {
  readonly property: string;
  readonly kind: ChangeKind;
  readonly replace: boolean;
}

/** A diff's arguments: the last state and the new inputs. */
export interface DiffArgs {
  readonly schema: Schema;
  readonly state: Props;
  readonly news: Props;
  readonly ignore?: readonly string[];
}

/**
 * Compares like the official plugin: an unset value equals its default or its type's zero, and a missing
 * computed value is no change.
 */
export function diffProps({ schema, state, news, ignore = [] }: DiffArgs): Change[] {
  const changes: Change[] = [];
  for (const [name, property] of Object.entries(schema)) {
    if (ignore.some((path) => path === name || path.startsWith(`${name}.`) || path.startsWith(`${name}[`)))
      continue;
    const kind = compare(property, state[name], news[name]);
    if (kind !== undefined) changes.push({ property: name, kind, replace: property.replace === true });
  }
  return changes;
}

function compare(
  property: Property,
  before: Value | undefined,
  after: Value | undefined,
): ChangeKind | undefined {
  if (after === undefined && property.computed === true) return undefined;
  if (property.emptyKeeps === true && (after === undefined || reveal(after) === "")) return undefined;
  if (hasUnknown(after)) return before === undefined ? "add" : "update";
  const asked = after === undefined ? undefined : keptForm(property, reveal(after));
  const found = before === undefined ? undefined : withoutFilledIn(property, reveal(before), asked);
  const was = canonical(property, found);
  const now = canonical(property, asked);
  if (stable(was) === stable(now)) return undefined;
  if (was === undefined) return "add";
  return now === undefined ? "delete" : "update";
}

/** The value in the state's form. */
export function keptForm(property: Property | undefined, value: Plain): Plain {
  return typeof value === "string" && property?.kept !== undefined ? property.kept(value) : value;
}

/** Removes computed parts that the inputs do not set. */
function withoutFilledIn(property: Property, found: Plain, asked: Plain | undefined): Plain {
  if (Array.isArray(found) && Array.isArray(asked) && property.items !== undefined) {
    const { items } = property;
    return found.map((item, index) => withoutFilledIn(items, item, asked[index]));
  }
  if (property.type !== "object" || !isPlainProps(found)) return found;
  const wanted = isPlainProps(asked) ? asked : {};
  const entries = Object.entries(found).flatMap(([name, value]): [string, Plain][] => {
    const field = property.fields?.[name];
    if (field === undefined) return [[name, value]];
    const dropped = field.computed === true && wanted[name] === undefined;
    return dropped ? [] : [[name, withoutFilledIn(field, value, wanted[name])]];
  });
  return Object.fromEntries(entries);
}

/** Canonical form of equivalent values: defaults filled in, zeros removed, unordered lists sorted. */
export function canonical(property: Property, value: Plain | undefined): Plain | undefined {
  const given = value ?? property.fallback;
  if (given === undefined || isZero(given)) return undefined;
  if (Array.isArray(given)) {
    const items = given.map((item) =>
      property.items === undefined ? item : (canonical(property.items, item) ?? zeroOf(property.items)),
    );
    return property.unordered === true ? items.sort((a, b) => (stable(a) < stable(b) ? -1 : 1)) : items;
  }
  if (typeof given === "string" && property.compared !== undefined) return property.compared(given);
  if (isPlainProps(given) && property.type === "object") return canonicalFields(property.fields ?? {}, given);
  return given;
}

function canonicalFields(fields: Schema, value: { [key: string]: Plain }): Plain | undefined {
  const result: { [key: string]: Plain } = {};
  for (const [name, field] of Object.entries(fields)) {
    const part = canonical(field, value[name]);
    if (part !== undefined) result[name] = part;
  }
  return Object.keys(result).length > 0 ? result : undefined;
}

function isZero(value: Plain): boolean {
  if (value === null || value === "" || value === 0 || value === false) return true;
  if (Array.isArray(value)) return value.length === 0;
  return isPlainProps(value) && Object.keys(value).length === 0;
}

function zeroOf(property: Property): Plain {
  return property.type === "string" ? "" : null;
}
