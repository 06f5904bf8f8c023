import fc from "fast-check";
import { expect, it } from "vitest";
import { plainValue } from "../../../config/text/yaml-edit.ts";
import { applyEdit } from "../../../panel/server/platform/projects-file.ts";
import type { Edit } from "../../../panel/server/platform/types.ts";

/** Values for an entry's keys, including strings that YAML would read as something else. */
const word = fc.constantFrom(
  "plain",
  "true",
  "12",
  "a: b",
  "# no comment",
  "it's",
  'say "so"',
  "",
  " edge ",
  "two\nlines\n",
  "ä\r\n- x",
  "*a",
  "~",
);
const values = {
  env: fc.dictionary(fc.constantFrom("A", "B", "C", "D_E"), fc.oneof(word, fc.integer(), fc.boolean()), {
    minKeys: 1,
  }),
  members: fc.uniqueArray(fc.constantFrom("a@x.com", "b@x.com", "c@x.com", "shop"), { minLength: 1 }),
  resources: fc
    .record({ memory: fc.constantFrom("1GiB", "2GiB"), cpus: fc.constantFrom(1, 0.5) }, { requiredKeys: [] })
    .filter((r) => Object.keys(r).length > 0),
  branch: word,
  opencode: fc.record({
    model: fc.constantFrom("a/b", "c/d"),
    config: fc.record({ list: fc.array(word), deep: fc.record({ on: fc.boolean() }) }),
  }),
};
const someValues = fc.record(values, { requiredKeys: [] });
const nullable = fc.record(
  Object.fromEntries(
    Object.entries(values).map(([key, value]) => [key, fc.option<unknown>(value, { nil: null })]),
  ),
  { requiredKeys: [] },
);

interface Model {
  name: string;
  values: Record<string, unknown>;
}

/** How an entry is written, with distinct comments. */
const written = fc.record({
  values: someValues,
  isFlow: fc.boolean(),
  above: fc.integer({ min: 0, max: 2 }),
  beside: fc.boolean(),
  below: fc.boolean(),
  blanks: fc.integer({ min: 0, max: 2 }),
  standalone: fc.boolean(),
});
const file = fc.record({
  entries: fc.array(written, { maxLength: 4 }),
  indent: fc.constantFrom(0, 2, 4),
  eol: fc.constantFrom("\n", "\r\n"),
  hasEnd: fc.boolean(),
  keyComment: fc.boolean(),
  isLast: fc.boolean(),
});
type Written = typeof written extends fc.Arbitrary<infer T> ? T : never;
type File = typeof file extends fc.Arbitrary<infer T> ? T : never;

const json = (value: unknown) => JSON.stringify(value);

/** An entry's own lines, comments included. */
function entryLines(entry: Written, name: string, indent: number): string[] {
  const space = " ".repeat(indent);
  const pairs = Object.entries(entry.values);
  const beside = entry.beside ? ` # beside ${name}` : "";
  const above = Array.from({ length: entry.above }, (_, i) => `${space}# above ${name} ${i}`);
  const lines = entry.isFlow
    ? [
        `${space}- { name: ${name}${pairs.map(([key, value]) => `, ${key}: ${json(value)}`).join("")} }${beside}`,
      ]
    : [
        `${space}- name: ${name}${beside}`,
        ...pairs.flatMap(([key, value]) =>
          key === "env"
            ? [
                `${space}  env:`,
                ...Object.entries(value as object).map(([k, v]) => `${space}      ${k}:   ${json(v)}`),
              ]
            : [`${space}  ${key}:  ${json(value)} # of ${name}.${key}`],
        ),
      ];
  return [...above, ...lines, ...(entry.below ? [`${space}  # below ${name}`] : [])];
}

function render({ entries, indent, eol, hasEnd, keyComment, isLast }: File): string {
  const space = " ".repeat(indent);
  const lines = ["# top", "limits: { maxProjects: 99 }  # limits", ""];
  lines.push(`projects:${entries.length === 0 ? " []" : ""}${keyComment ? " # key" : ""}`);
  entries.forEach((entry, index) => {
    lines.push(...entryLines(entry, `p${index}`, indent));
    lines.push(...Array.from({ length: entry.blanks }, () => ""));
    if (entry.standalone) lines.push("", `${space}# standalone ${index}`, "");
  });
  if (!isLast) lines.push("# before defaults", "defaults:", "    env: {A: 'x'}   # kept");
  return lines.join(eol) + (hasEnd ? eol : "");
}

const step = fc.oneof(
  fc.record({ kind: fc.constant("add" as const), values: someValues }),
  fc.record({ kind: fc.constant("change" as const), at: fc.nat(20), values: nullable }),
  fc.record({ kind: fc.constant("remove" as const), at: fc.nat(20) }),
  fc.record({
    kind: fc.constant("release" as const),
    at: fc.nat(20),
    version: fc.constantFrom("2", "1.18.33"),
  }),
);

function makeEdit(
  one: typeof step extends fc.Arbitrary<infer T> ? T : never,
  models: Model[],
  made: number,
): Edit | undefined {
  if (one.kind === "add") return { kind: "add", entry: { name: `n${made}`, ...one.values } as never };
  const target = models[one.at % Math.max(models.length, 1)];
  if (!target) return undefined;
  if (one.kind === "remove") return { kind: "remove", name: target.name };
  return one.kind === "release"
    ? { kind: "release", name: target.name, version: one.version }
    : { kind: "change", name: target.name, values: one.values };
}

function expected(models: readonly Model[], edit: Edit): Model[] {
  if (edit.kind === "add") {
    const { name, ...values } = edit.entry;
    return [...models, { name, values }];
  }
  if (edit.kind === "remove") return models.filter(({ name }) => name !== edit.name);
  return models.map((model) => {
    if (model.name !== edit.name) return model;
    if (edit.kind === "release") {
      const opencode = { ...(model.values.opencode as object | undefined), version: edit.version };
      return { name: model.name, values: { ...model.values, opencode } };
    }
    const merged = Object.entries({ ...model.values, ...edit.values });
    return { name: model.name, values: Object.fromEntries(merged.filter(([, value]) => value !== null)) };
  });
}

const commentsOf = (text: string): string[] =>
  text.match(/# (above|beside|below|of|standalone|top|limits|key|before|kept)[^\r\n]*/g) ?? [];
const isOf = (comment: string, name: string) =>
  new RegExp(`# (above|beside|below|of) ${name}\\b`).test(comment);

it("any sequence of edits has the expected entries and keeps everything else", () => {
  fc.assert(
    fc.property(file, fc.array(step, { maxLength: 6 }), (shape, steps) => {
      let text = render(shape);
      let models: Model[] = shape.entries.map(({ values }, index) => ({ name: `p${index}`, values }));
      let comments = commentsOf(text);
      const touched = new Set<string>();
      steps.forEach((one, made) => {
        const edit = makeEdit(one, models, made);
        if (!edit) return;
        text = applyEdit(text, edit);
        models = expected(models, edit);
        if (edit.kind === "remove") {
          expect(commentsOf(text).filter((comment) => isOf(comment, edit.name))).toEqual([]);
          comments = comments.filter((comment) => !isOf(comment, edit.name));
        }
        if (edit.kind !== "add") touched.add(edit.name);
        if (edit.kind === "change")
          comments = comments.filter((comment) => !comment.startsWith(`# of ${edit.name}.`));
        expect(plainValue(text)).toMatchObject({
          projects: models.map(({ name, values }) => ({ name, ...values })),
        });
        expect(commentsOf(text)).toEqual(expect.arrayContaining(comments));
        shape.entries.forEach((entry, index) => {
          if (!touched.has(`p${index}`))
            expect(text).toContain(entryLines(entry, `p${index}`, shape.indent).join(shape.eol));
        });
        expect(text.endsWith("\n")).toBe(render(shape).endsWith("\n"));
        if (shape.eol === "\r\n") expect(text.replaceAll("\r\n", "")).not.toContain("\n");
      });
    }),
    { numRuns: 100 },
  );
});

it("adding and removing an entry restores the text", () => {
  fc.assert(
    fc.property(file, someValues, (shape, values) => {
      // With a blank line above and none below, a removed entry leaves its blank line.
      const last = shape.entries.at(-1);
      fc.pre(shape.isLast || !last || last.blanks > 0 || last.standalone);
      const before = render(shape);
      const after = applyEdit(before, { kind: "add", entry: { name: "new", ...values } as never });
      expect(applyEdit(after, { kind: "remove", name: "new" })).toBe(before);
    }),
    { numRuns: 60 },
  );
});
