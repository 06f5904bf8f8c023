import fc from "fast-check";
import { expect, it } from "vitest";
import { UserError } from "../../config/errors.ts";
import { loadProjects } from "../../config/projects/load.ts";
import { broken } from "../support/config/broken.ts";
import { BASE, wrongOverlays } from "../support/config/wrong-overlays.ts";

/** Loads a text; whatever it says, it ends in projects or in a UserError with at least one placed problem. */
function survives(text: string, overlay?: string): void {
  try {
    loadProjects(text, {
      overlay: overlay === undefined ? undefined : { file: "projects.local.yaml", text: overlay },
      file: "projects.yaml",
      stack: "local",
      directory: "/checkout",
      hostMemoryBytes: 2 ** 33,
      hostCpus: 4,
      hasSecret: () => false,
      isDirectory: () => false,
    });
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    expect(error.problems.length).toBeGreaterThan(0);
    const misplaced = error.problems.filter(
      ({ where }) => !/^projects(\.local)?\.yaml:[1-9]\d*:[1-9]\d*( |$)/.test(where),
    );
    expect(misplaced).toEqual([]);
  }
}

const WORDS =
  "projects defaults limits maxProjects name repo branch depth state resources memory cpus pids env secrets git auth " +
  "secret username knownHosts opencode model config enforce mcp permission exclude members __proto__ constructor toString shop running stopped token " +
  "ssh none 2GiB 4 -1 1e999 .nan .inf 0x1F 0o7 08 true null ~ git@host:x https://u:p@h/x ./x /x a/b NaN 12345678901234567890";
const MARKS = [
  ": ",
  "- ",
  "? ",
  "\n",
  "\n  ",
  "\n    ",
  "\n  - ",
  "\t",
  "{",
  "}",
  "[",
  "]",
  ", ",
  "# ",
  "| ",
  "> ",
  "'",
]
  .concat([
    '"',
    "&a ",
    "*a",
    "<<: *a",
    "!!binary ",
    "!!set ",
    "!x ",
    "---\n",
    "...\n",
    "%YAML 1.1\n",
    "%TAG ! x\n",
  ])
  .concat([
    "\0",
    "\uFEFF",
    "\r\n",
    "\u2028",
    "\\",
    "\ud800",
    "@",
    "`",
    "!!timestamp 2001-01-01",
    "!!omap ",
    "!!null ",
  ]);
const fragments = fc
  .array(fc.constantFrom(...WORDS.split(" "), ...MARKS, ": ", ": ", "\n  - ", "\n    "), { maxLength: 60 })
  .map((parts) => parts.join(""));

const value = fc.letrec<{ any: unknown }>((tie) => ({
  any: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom(...WORDS.split(" ")),
    fc.jsonValue({ maxDepth: 1 }),
    fc.array(tie("any"), { maxLength: 4 }),
    fc.dictionary(fc.constantFrom(...WORDS.split(" ")), tie("any"), { maxKeys: 6 }),
  ),
})).any;

const seeds = broken.map(({ text }) => text);
/** A file with some of its characters cut out and something else put there. */
const damaged = (seed: string) =>
  fc
    .array(fc.tuple(fc.nat(), fc.nat(12), fc.oneof(fragments, fc.string({ maxLength: 5 }))), { maxLength: 4 })
    .map((edits) =>
      edits.reduce((text, [at, length, put]) => {
        const start = at % (text.length + 1);
        return text.slice(0, start) + put + text.slice(start + length);
      }, seed),
    );
const mutations = fc.constantFrom(...seeds).chain(damaged);

it.each([
  ["random text", fc.string({ unit: "binary", maxLength: 200 })],
  ["text made of YAML's own pieces", fragments],
  ["well-formed YAML of any shape", value.map((any) => JSON.stringify(any) ?? "")],
  ["projects of any shape", value.map((any) => JSON.stringify({ projects: [any, any], defaults: any }))],
  ["known files, damaged", mutations],
])("%s ends in projects or in a UserError, nothing else", { timeout: 60_000 }, (_, texts) => {
  fc.assert(
    fc.property(texts, (text) => survives(text)),
    { numRuns: 500 },
  );
});

it.each([
  [
    "of any shape",
    value.map((any) => JSON.stringify({ projects: [any, { name: "web-shop", env: any }], exclude: any })),
  ],
  ["that was damaged", fc.oneof(...wrongOverlays.map(({ overlay }) => fc.constant(overlay))).chain(damaged)],
])(
  "a stack's own file %s ends in projects or in a UserError, nothing else",
  { timeout: 60_000 },
  (_, texts) => {
    fc.assert(
      fc.property(texts, (overlay) => survives(BASE, overlay)),
      { numRuns: 500 },
    );
  },
);

it.each([
  ["brackets", "[".repeat(20_000)],
  ["braces", "{a: ".repeat(20_000)],
  ["closed brackets", `projects: ${"[".repeat(20_000)}${"]".repeat(20_000)}`],
  ["indentation", Array.from({ length: 600 }, (_, depth) => `${" ".repeat(depth)}a:`).join("\n")],
  ["size", `projects: []\n${"#".repeat(300_000)}`],
  ["keys", Array.from({ length: 30_000 }, (_, n) => `k${n}: 1`).join("\n")],
  ["items", `projects: [${"a, ".repeat(25_000)}]`],
])("too much of a file (%s) ends in a UserError", { timeout: 60_000 }, (_, text) => {
  survives(text);
  expect(() => loadProjects(text, { file: "projects.yaml", stack: "local" })).toThrow(UserError);
});
