import fc from "fast-check";
import { expect, it } from "vitest";
import { type Problem, UserError } from "../../config/errors.ts";
import { productionSchema } from "../../config/stack/production-schema.ts";
import { parseSettings, settingDocs } from "../../config/stack/settings.ts";
import { brokenSettings } from "../support/config/production-broken.ts";

const TOKENS = { digitalocean: true, cloudflare: true };
const SECRETS = ["googleClientSecret", "sshPrivateKey"];
const KEYS = settingDocs.map(({ key }) => key);

type Raw = Readonly<Record<string, string>>;

/** What is wrong with settings. Anything but a UserError fails the test. */
function problemsOf(raw: Raw, stack: string): readonly Problem[] {
  try {
    parseSettings(raw, { stack, tokens: TOKENS });
    return [];
  } catch (error) {
    if (error instanceof UserError) return error.problems;
    throw error;
  }
}

const values = [
  ...new Set([
    ...brokenSettings.flatMap(({ settings }) => Object.values(settings).map((value) => value ?? "")),
    ...settingDocs.map((docs) => docs.default),
    ..."__proto__ constructor toString [] {} [null] [1,2] null -1 1e9 0x1F 999999999999 {name} a/b ::/0 1.2.3.4/0 a@b @ . .. -".split(
      " ",
    ),
  ]),
];
const value = fc.oneof(
  fc.constantFrom(...values),
  fc.string({ maxLength: 30 }),
  fc.string({ unit: "binary", maxLength: 30 }),
  fc.jsonValue({ maxDepth: 2 }).map((json) => JSON.stringify(json)),
  fc.array(fc.constantFrom(...values), { maxLength: 4 }).map((list) => list.join(",")),
  fc.tuple(fc.ipV4(), fc.nat(40)).map(([address, length]) => `${address}/${length}`),
  fc.tuple(fc.ipV6(), fc.nat(140)).map(([address, length]) => `${address}/${length}`),
  fc.domain(),
  fc.emailAddress(),
  fc.webUrl(),
);
const key = fc.oneof(
  { weight: 9, arbitrary: fc.constantFrom(...KEYS) },
  { weight: 1, arbitrary: fc.oneof(fc.string({ maxLength: 12 }), fc.constantFrom("__proto__", "toString")) },
);
const raw = fc.dictionary(key, value, { maxKeys: 12 });

it("settings of any shape end in settings or in a UserError that places each problem", {
  timeout: 60_000,
}, () => {
  const property = fc.property(raw, fc.constantFrom("prod", "local"), (any, stack) => {
    for (const { where, what } of problemsOf(any, stack)) {
      expect(where).toMatch(/^opencode-platform:/);
      expect(what).not.toBe("");
    }
  });
  fc.assert(property, { numRuns: 2000 });
});

/** Whether a setting is wrong by itself on a stack on a droplet. */
function isWrong(name: string, text: string): boolean {
  const schemas: Readonly<Record<string, { safeParse(text: string): { success: boolean } }>> =
    productionSchema.shape;
  if (Object.hasOwn(schemas, name)) return !schemas[name]?.safeParse(text).success;
  const isElsewhere = settingDocs.some(({ key, kind }) => key === name && kind === "local");
  return isElsewhere || problemsOf({ [name]: text }, "local").length > 0;
}

it("a setting that is wrong by itself is named beside whatever else is wrong", { timeout: 60_000 }, () => {
  const property = fc.property(raw, (any) => {
    // A key inside a structured setting is named as such.
    const named = problemsOf(any, "prod").map(({ where }) =>
      where.replace(/(:(?:panel|backup|proxy|registries))[.[].*$/s, "$1"),
    );
    const wrong = Object.entries(any).filter(([name, text]) => isWrong(name, text));
    expect(named).toEqual(expect.arrayContaining(wrong.map(([name]) => `opencode-platform:${name}`)));
  });
  fc.assert(property, { numRuns: 1000 });
});

it("no secret is in a message, whatever else is wrong", { timeout: 60_000 }, () => {
  const secret = fc.tuple(
    fc.constantFrom(...values, "GOCSPX-", "-----BEGIN OPENSSH PRIVATE KEY-----\n"),
    fc.uuid(),
  );
  const property = fc.property(raw, secret, fc.constantFrom(...SECRETS), (any, [before, mark], name) => {
    const said = problemsOf({ ...any, [name]: `${before}${mark}` }, "prod");
    expect(JSON.stringify(said)).not.toContain(mark);
  });
  fc.assert(property, { numRuns: 1000 });
});
