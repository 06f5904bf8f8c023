/** Decoding, validation, comparison and encoding in the stand-ins. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { bridged } from "../../../lab/plugins/shared/bridged.ts";
import { diffProps } from "../../../lab/plugins/shared/diff.ts";
import { nameOf, typeOf } from "../../../lab/plugins/shared/provider.ts";
import { checkProps, objects, type Schema } from "../../../lab/plugins/shared/schema.ts";
import {
  decodeProps,
  encodeProps,
  hasSecret,
  hasUnknown,
  type Json,
  overlay,
  reveal,
  Secret,
  UNKNOWN,
} from "../../../lab/plugins/shared/values.ts";

const SIGNATURE = "4dabf18193072939515e22adb298388d";
const secretJson = (value: Json): Json => ({ [SIGNATURE]: "1b47061264138c4ac30d75fd1eb44270", value });

describe("values", () => {
  test("secrets and unknowns survive decoding and encoding at any depth", () => {
    const wire = {
      plain: "a",
      list: [{ content: secretJson("s"), file: "/f" }, "04da6b54-80e4-46f7-96ec-b56ff0331ba9"],
    };
    const props = decodeProps(wire);
    expect(hasSecret(props.list)).toBe(true);
    expect(hasUnknown(props.list)).toBe(true);
    expect(encodeProps(props)).toEqual(wire);
    expect(reveal(props.list ?? null)).toEqual([{ content: "s", file: "/f" }, null]);
  });

  test("any JSON without marks stays unchanged", () => {
    const tree = fc.letrec((tie) => ({
      node: fc.oneof(
        fc.string(),
        fc.double({ noNaN: true }),
        fc.boolean(),
        fc.array(tie("node"), { maxLength: 3 }),
      ),
    })).node;
    fc.assert(
      fc.property(fc.dictionary(fc.string(), tree), (wire) => {
        const json = wire as { [key: string]: Json };
        expect(encodeProps(decodeProps(json))).toEqual({ ...json });
      }),
    );
  });

  test("the state keeps the inputs' marks, even for changed values", () => {
    const state = overlay(
      { a: new Secret("x"), b: new Secret("x"), c: "y" },
      { a: "x", b: "z", c: "y", d: 1 },
    );
    expect(state.a).toEqual(new Secret("x"));
    expect(state.b).toEqual(new Secret("z"));
    expect(state).toMatchObject({ c: "y", d: 1 });
  });

  test("a URN has a type and a name", () => {
    const urn = "urn:pulumi:s::p::my:Component$docker:index/network:Network::a::b";
    expect(typeOf(urn)).toBe("docker:index/network:Network");
    expect(nameOf(urn)).toBe("a::b");
  });
});

const schema: Schema = {
  name: { type: "string", required: true, replace: true },
  size: { type: "integer" },
  mode: { type: "string", fallback: "slow", pattern: /^(slow|fast)$/ },
  tags: { type: "list", items: { type: "string" }, unordered: true },
  parts: objects({ id: { type: "string", required: true }, on: { type: "boolean" } }),
  made: { type: "string", computed: true },
  odd: { type: "any", refused: "the stand-in doesn't cover it" },
};

describe("check", () => {
  test.each([
    [{}, "name", '"name" is required'],
    [{ name: "n", nmae: "x" }, "nmae", 'unknown property "nmae"'],
    [{ name: 1 }, "name", "must be a string, not a number"],
    [{ name: "n", size: 1.5 }, "size", "must be an integer, not a number"],
    [{ name: "n", mode: "quick" }, "mode", "must match"],
    [{ name: "n", tags: "t" }, "tags", "must be a list"],
    [{ name: "n", tags: ["t", 1] }, "tags[1]", "must be a string"],
    [{ name: "n", parts: [{ on: true }] }, "parts[0].id", "is required"],
    [{ name: "n", parts: [{ id: "i", of: 1 }] }, "parts[0].of", "unknown property"],
    [{ name: "n", odd: 1 }, "odd", "doesn't cover"],
  ])("%j fails at %s", (props, property, reason) => {
    const failures = checkProps(schema, props);
    expect(failures).toHaveLength(1);
    expect(failures[0]?.property).toBe(property);
    expect(failures[0]?.reason).toContain(reason);
  });

  test("checks secrets, accepts unknowns, and never repeats a value", () => {
    expect(checkProps(schema, { name: UNKNOWN, size: UNKNOWN })).toEqual([]);
    const failures = checkProps(schema, { name: "n", mode: new Secret("hunter2") });
    expect(failures).toHaveLength(1);
    expect(JSON.stringify(failures)).not.toContain("hunter2");
  });
});

describe("diff", () => {
  const changes = (state: object, news: object): string[] =>
    diffProps({ schema, state: state as never, news: news as never }).map(
      ({ property, kind, replace }) => `${kind}${replace ? "!" : ""} ${property}`,
    );
  const base = { name: "n" };

  test.each([
    ["nothing", base, base, []],
    ["a default written out", base, { ...base, mode: "slow" }, []],
    ["a zero left out", { ...base, size: 0, tags: [] }, base, []],
    ["another order of a set", { ...base, tags: ["a", "b"] }, { ...base, tags: ["b", "a"] }, []],
    [
      "a false left out inside",
      { ...base, parts: [{ id: "i", on: false }] },
      { ...base, parts: [{ id: "i" }] },
      [],
    ],
    ["a value filled in by the provider", { ...base, made: "m" }, base, []],
    ["a replacement", base, { name: "o" }, ["update! name"]],
    ["an addition", base, { ...base, size: 1 }, ["add size"]],
    ["a removal", { ...base, size: 1 }, base, ["delete size"]],
    [
      "a change inside",
      { ...base, parts: [{ id: "i" }] },
      { ...base, parts: [{ id: "j" }] },
      ["update parts"],
    ],
    ["an unknown", { ...base, size: 1 }, { ...base, size: UNKNOWN }, ["update size"]],
    ["a secret of the same value", { ...base, size: 1 }, { ...base, size: new Secret(1) }, []],
  ])("%s", (_what, state, news, expected) => {
    expect(changes(state, news)).toEqual(expected);
  });
});

describe("derived names", () => {
  const resource = bridged({
    schema: { name: { type: "string", replace: true } },
    outputs: ["out"],
    autoNamed: true,
    create: async () => ({ id: "i", properties: {} }),
    read: async () => undefined,
    delete: async () => {},
  });
  const seed = new Uint8Array([0xab, 0xcd, 0xef, 0x12, 0x34]);

  test("come from the resource's name and are stable", async () => {
    const first = await resource.check({ name: "web", olds: {}, news: {}, seed });
    expect(first.inputs.name).toBe("web-abcdef1");
    const again = await resource.check({
      name: "web",
      olds: first.inputs,
      news: {},
      seed: new Uint8Array(8),
    });
    expect(again.inputs.name).toBe("web-abcdef1");
  });

  test("allow creating a replacement first; a fixed name deletes the old one first", async () => {
    const request = { id: "i", oldInputs: {}, state: {}, ignore: [] };
    const made = await resource.diff({ ...request, news: { name: "x", __defaults: ["name"] } });
    const fixed = await resource.diff({ ...request, news: { name: "x" } });
    expect([made.deleteBeforeReplace, fixed.deleteBeforeReplace]).toEqual([false, true]);
  });

  test("a preview knows the inputs and nothing else", () => {
    expect(resource.previewCreate({ name: "n" })).toEqual({ name: "n", out: UNKNOWN });
  });
});
