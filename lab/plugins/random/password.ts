/** random:index/randomPassword:RandomPassword. */
import { randomInt } from "node:crypto";
import { type Bridged, bridged } from "../shared/bridged.ts";
import { type Failure, flag, integer, replaced, type Schema, text, textMap } from "../shared/schema.ts";
import type { PlainProps } from "../shared/values.ts";

const kind = { ...replaced(flag), fallback: true } as const;
const least = { ...replaced(integer), fallback: 0 } as const;

export const schema: Schema = {
  keepers: replaced(textMap),
  length: { ...replaced(integer), required: true },
  lower: kind,
  minLower: least,
  minNumeric: least,
  minSpecial: least,
  minUpper: least,
  number: { ...kind, computed: true },
  numeric: { ...kind, computed: true },
  overrideSpecial: replaced(text),
  special: kind,
  upper: kind,
};

/** A class of characters and its minimum count. */
interface CharacterClass {
  readonly characters: string;
  readonly least: number;
}

function on(inputs: PlainProps, ...names: string[]): boolean {
  return names.every((name) => inputs[name] !== false);
}

function count(inputs: PlainProps, name: string): number {
  const value = inputs[name];
  return typeof value === "number" ? value : 0;
}

/** The classes allowed by the inputs. */
export function classesOf(inputs: PlainProps): CharacterClass[] {
  const own = inputs.overrideSpecial;
  const special = typeof own === "string" && own !== "" ? own : "!@#$%&*()-_=+[]{}<>:?";
  const all: readonly [boolean, CharacterClass][] = [
    [on(inputs, "lower"), { characters: "abcdefghijklmnopqrstuvwxyz", least: count(inputs, "minLower") }],
    [on(inputs, "upper"), { characters: "ABCDEFGHIJKLMNOPQRSTUVWXYZ", least: count(inputs, "minUpper") }],
    [on(inputs, "number", "numeric"), { characters: "0123456789", least: count(inputs, "minNumeric") }],
    [on(inputs, "special"), { characters: special, least: count(inputs, "minSpecial") }],
  ];
  return all.filter(([allowed]) => allowed).map(([, characters]) => characters);
}

/** Checks of the inputs beyond the schema. */
export function validate(inputs: PlainProps): Failure[] {
  const length = count(inputs, "length");
  if (length < 1) return [{ property: "length", reason: "must be at least 1" }];
  const classes = classesOf(inputs);
  if (classes.length === 0) return [{ property: "special", reason: "every class of characters is disabled" }];
  const needed = ["minLower", "minUpper", "minNumeric", "minSpecial"].reduce(
    (sum, name) => sum + count(inputs, name),
    0,
  );
  if (needed > length)
    return [{ property: "length", reason: `must be at least ${needed}, the sum of the min… inputs` }];
  return [];
}

function pick(characters: string): string {
  const letters = Array.from(characters);
  return letters[randomInt(letters.length)] ?? "";
}

/** Generates a password: each class's minimum, the rest from all classes, shuffled without bias. */
export function generate(inputs: PlainProps): string {
  const classes = classesOf(inputs);
  const letters = classes.flatMap(({ characters, least }) =>
    Array.from({ length: least }, () => pick(characters)),
  );
  const all = classes.map(({ characters }) => characters).join("");
  while (letters.length < count(inputs, "length")) letters.push(pick(all));
  for (let index = letters.length - 1; index > 0; index--) {
    const other = randomInt(index + 1);
    [letters[index], letters[other]] = [letters[other] ?? "", letters[index] ?? ""];
  }
  return letters.join("");
}

const spec: Bridged = {
  schema,
  outputs: ["result"],
  secretOutputs: ["result"],
  validate,
  create: async (inputs) => {
    const numeric = on(inputs, "number", "numeric");
    const defaults: PlainProps = { lower: true, upper: true, special: true };
    const least: PlainProps = { minLower: 0, minUpper: 0, minNumeric: 0, minSpecial: 0 };
    const properties = {
      ...defaults,
      ...least,
      ...inputs,
      number: numeric,
      numeric,
      result: generate(inputs),
    };
    return { id: "none", properties };
  },
  read: async (id, known) => {
    if (known.result !== undefined) return { id, properties: known };
    // On import, the id is the password itself, as in the official plugin.
    return { id: "none", properties: { length: Array.from(id).length, result: id } };
  },
  delete: async () => {},
};

/** The resource. It has no `bcryptHash`: Node lacks bcrypt, and nothing here uses it. */
export const password = bridged(spec);
