/** `opencode.config` and `opencode.enforce`, checked by opencode's own schema. */
import { readFileSync } from "node:fs";
import { Ajv2020 } from "ajv/dist/2020.js";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { IMAGE_COMMANDS } from "../../config/image-commands.ts";
import { acceptedSettings, type Major, ownSettings } from "../../config/opencode-settings.ts";
import { examineProjects, loadProjects } from "../../config/projects/load.ts";
import { OPENCODE, OPENCODE_2 } from "../../config/versions.ts";
import { complaints } from "../support/complaints.ts";
import { wrongSettings } from "../support/config/wrong-settings.ts";

const options = { file: "projects.yaml", stack: "local" };
const withConfig = (config: string, version = 1) =>
  `projects:\n  - name: a\n    opencode:\n      version: ${version}\n      config: ${config}\n`;
const check = (text: string) => complaints(() => loadProjects(text, options));

describe("wrong settings", () => {
  it("are at least 25", () => expect(wrongSettings.length).toBeGreaterThanOrEqual(25));

  it.each(wrongSettings)("$title", ({ config, version, messages }) => {
    const expected = messages.map((message) =>
      message
        .replace(/^(\d+) /, "projects.yaml:5:$1 projects[0].opencode.config")
        .replace("OPENCODE", OPENCODE),
    );
    expect(check(withConfig(config, version))).toEqual(expected);
  });

  it("of enforce are found as those of config", () => {
    const text = "projects:\n  - name: a\n    opencode: { enforce: { permission: { edit: dany } } }\n";
    expect(check(text)).toEqual([
      'projects.yaml:3:48 projects[0].opencode.enforce.permission.edit: "dany" is not ask, allow or deny; did you mean deny?',
    ]);
  });

  it("of defaults are found once, where they are written, with projects or without", () => {
    const defaults = "defaults: { opencode: { config: { snapshot: 5 } } }\n";
    const message = "projects.yaml:1:45 defaults.opencode.config.snapshot: 5 is not true or false";
    expect(check(`${defaults}projects: [{ name: a }, { name: b }]`)).toEqual([message]);
    expect(check(`${defaults}projects: []`)).toEqual([message]);
  });

  it("are those of a project's own release", () => {
    const text = `defaults: { opencode: { config: { agents: { build: { system: x } } } } }
projects: [{ name: old }, { name: new, opencode: { version: 2 } }]`;
    expect(check(text)).toEqual([
      `projects.yaml:1:35 defaults.opencode.config.agents: is a setting of opencode 2, and this project runs ${OPENCODE}; did you mean agent?`,
    ]);
    expect(check(text.replace("{ name: old }, ", ""))).toEqual([]);
  });
});

describe("right settings", () => {
  it("may be written in two parts, which count together", () => {
    const text = `
defaults: { opencode: { config: { mcp: { jira: { type: remote, url: "https://x", enabled: false } } } } }
projects: [{ name: a, opencode: { config: { mcp: { jira: { enabled: true } } } } }]`;
    expect(check(text)).toEqual([]);
    expect(check(text.replace("enabled: true", "enabled: 1"))).toEqual([
      "projects.yaml:3:69 projects[0].opencode.config.mcp.jira.enabled: 1 is not true or false",
    ]);
  });

  it("may be what opencode fills in", () => {
    const config =
      '{ share: "{env:SHARE}", agent: { a: { color: "{env:COLOR}" } }, permission: "{file:./p}" }';
    expect(check(withConfig(config))).toEqual([]);
  });

  it.each([
    [
      1,
      "{ agent: { build: { prompt: x, anything: { at: all } } }, mcp: { a: { enabled: false } }, plugin: [x, [y, {}]] }",
    ],
    [2, "{ agent: { build: { prompt: x } }, permission: { bash: ask }, autoupdate: false, snapshot: true }"],
    [2, "{ agents: { build: { system: x } }, permissions: [], update: disable, snapshots: true }"],
    [
      2,
      "{ mcp: { timeout: { startup: 5 }, servers: { a: { type: local, command: [npx] } }, b: { enabled: false } } }",
    ],
    [2, "{ compaction: { reserved: 1, keep: { tokens: 3 } }, skills: [x] }"],
    [2, "{ skills: { paths: [x] }, experimental: { batch_tool: true, subagent_depth: 3 } }"],
  ])("pass in %i.x: %s", (version, config) => {
    expect(check(withConfig(config, version))).toEqual([]);
  });
});

describe("an MCP server's command", () => {
  const warningsOf = (text: string) => examineProjects(text, options).warnings;

  it("that is not in the image is a warning with its place, and no error", () => {
    const config =
      "{ mcp: { a: { type: local, command: [docker, run] }, b: { type: local, command: [npxx] } } }";
    expect(warningsOf(withConfig(config))).toEqual([
      {
        where: "projects.yaml:5:52 projects[0].opencode.config.mcp.a.command[0]",
        what: '"docker" is not in the image',
        fix: expect.stringContaining("npx"),
      },
      expect.objectContaining({ what: '"npxx" is not in the image; did you mean npx?' }),
    ]);
  });

  it("is looked at as 2.x writes it, and once for all projects of defaults", () => {
    const servers = "{ mcp: { servers: { a: { type: local, command: [docker] } } } }";
    expect(warningsOf(withConfig(servers, 2)).map(({ where }) => where)).toEqual([
      "projects.yaml:5:63 projects[0].opencode.config.mcp.servers.a.command[0]",
    ]);
    const text = `defaults: { opencode: { version: 2, config: ${servers} } }\nprojects: [{ name: a }, { name: b }]`;
    expect(warningsOf(text)).toHaveLength(1);
  });

  it.each([
    "[npx, -y, server]",
    "[uvx, server]",
    "[python3, -m, server]",
    "[node, server.js]",
    "[/workspace/bin/server]",
    "[./server]",
  ])("%s is fine", (command) => {
    expect(warningsOf(withConfig(`{ mcp: { a: { type: local, command: ${command} } } }`))).toEqual([]);
  });

  it("of a server that is switched off is fine", () => {
    const off = "{ mcp: { a: { type: local, command: [docker], enabled: false } } }";
    expect(warningsOf(withConfig(off))).toEqual([]);
  });

  it("is not looked for in an image that a project has for itself", () => {
    const server = "opencode: { config: { mcp: { a: { type: local, command: [docker] } } } }";
    const asked = (keys: string) => warningsOf(`projects: [{ name: a, ${keys} ${server} }]`).length;
    expect([
      asked(""),
      asked("image: python:3,"),
      asked("packages: [docker.io],"),
      asked("packages: [],"),
    ]).toEqual([1, 0, 0, 1]);
    expect(warningsOf(`defaults: { packages: [docker.io] }\nprojects: [{ name: a, ${server} }]`)).toEqual([]);
  });

  it("is looked for in the slim image where the stack has that", () => {
    const { warnings } = examineProjects(withConfig("{ mcp: { a: { type: local, command: [uvx, x] } } }"), {
      file: "projects.yaml",
      stack: "local",
      slimImage: true,
    });
    expect(warnings).toHaveLength(1);
  });

  it("is listed once", () => expect(new Set(IMAGE_COMMANDS).size).toBe(IMAGE_COMMANDS.length));
});

describe("the copies of opencode's schemas", () => {
  it.each([
    [1, OPENCODE],
    [2, OPENCODE_2],
  ])(
    "of %i.x is of the pinned release, with source and date: npm run versions -- opencode-schema writes it",
    (major, release) => {
      const text = readFileSync(
        new URL(`../../config/opencode-schemas/${major}.json`, import.meta.url),
        "utf8",
      );
      expect(JSON.parse(text)).toMatchObject({
        release,
        source: expect.stringMatching(/^\S+@\d+\.\d+\.\d+\S*, \S+ of \/\S+$/),
        date: expect.stringMatching(/^\d{4}-\d\d-\d\d$/),
      });
      expect(text.length).toBeLessThan(20_000);
    },
  );

  // zod turns a JSON schema into one of its own; this holds it to a library that does nothing else.
  it.each<Major>([1, 2])("of %i.x mean to zod what they mean to ajv", (major) => {
    const schema = acceptedSettings(major);
    const isValid = new Ajv2020({ strict: false }).compile(schema);
    const names = Object.keys(schema.properties ?? {}).filter((name) => name !== "model");
    let accepted = 0;
    fc.assert(
      fc.property(settings(names), (config) => {
        const text = `projects: [{ name: a, opencode: { version: ${major}, config: ${JSON.stringify(config)} } }]`;
        const isTaken = check(text).length === 0;
        if (isTaken) accepted++;
        expect(isTaken).toBe(isValid(config));
      }),
      { numRuns: 500, seed: 7 },
    );
    expect(accepted).toBeGreaterThan(20);
  });

  it("has settings in both that are written alike", () => {
    expect(ownSettings(2).properties).toHaveProperty("share");
    expect(ownSettings(1).properties).toHaveProperty("share");
  });
});

/** Settings that are often nearly right: known names over values that other settings have. */
function settings(names: readonly string[]): fc.Arbitrary<Record<string, unknown>> {
  const word = fc.constantFrom(
    "ask",
    "allow",
    "deny",
    "auto",
    "disabled",
    "notify",
    "local",
    "remote",
    "a/b",
    "x",
  );
  const inner = fc.constantFrom(
    ...[
      "a",
      "type",
      "command",
      "url",
      "enabled",
      "bash",
      "paths",
      "auto",
      "build",
      "prompt",
      "steps",
      "mode",
      "image",
    ],
    ...[
      "servers",
      "timeout",
      "template",
      "models",
      "options",
      "disabled",
      "effect",
      "action",
      "resource",
      "repository",
    ],
  );
  const { value } = fc.letrec((tie) => ({
    leaf: fc.oneof(word, fc.boolean(), fc.integer({ min: -1, max: 9 }), fc.constant(0.5)),
    value: fc.oneof(
      { maxDepth: 4 },
      tie("leaf"),
      fc.array(tie("value"), { maxLength: 2 }),
      fc.dictionary(inner, tie("value"), { maxKeys: 3 }),
    ),
  }));
  return fc.dictionary(fc.constantFrom(...names), value, { minKeys: 1, maxKeys: 2 });
}
