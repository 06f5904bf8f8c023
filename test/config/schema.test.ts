import { readFileSync } from "node:fs";
import { Ajv } from "ajv";
import { describe, expect, it } from "vitest";
import { overlayJsonSchema, projectsJsonSchema } from "../../config/projects/json-schema.ts";
import { loadProjects } from "../../config/projects/load.ts";

const root = new URL("../../", import.meta.url);
const read = (name: string) => readFileSync(new URL(name, root), "utf8");

interface Node {
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Node>>;
  readonly items?: Node;
  readonly oneOf?: readonly Node[];
}

/** Every key in a schema, with its path: `projects[].git.secret`. */
function keysOf(node: Node, path = ""): [path: string, node: Node][] {
  return [
    ...Object.entries(node.properties ?? {}).flatMap(([key, child]): [string, Node][] => {
      const at = path ? `${path}.${key}` : key;
      return [[at, child], ...keysOf(child, at)];
    }),
    ...(node.items ? keysOf(node.items, `${path}[]`) : []),
    ...(node.oneOf ?? []).flatMap((option) => keysOf(option, path)),
  ];
}

it("the JSON schemas are what the zod schema says; `npm run schema` writes them", () => {
  expect(read("projects.schema.json")).toBe(projectsJsonSchema());
  expect(read("projects.stack.schema.json")).toBe(overlayJsonSchema());
});

describe("an editor", () => {
  // As editors read them: a file refers to the other by its name beside it.
  const ajv = new Ajv({ strict: false, validateFormats: false });
  const add = (name: string) => ajv.addSchema({ ...JSON.parse(read(name)), $id: `file:///checkout/${name}` });
  for (const name of ["projects.schema.json", "projects.stack.schema.json"]) add(name);
  const accepts = (name: string, value: unknown) => ajv.validate(`file:///checkout/${name}`, value);
  const withConfig = (config: object) => ({ projects: [{ name: "a", opencode: { config } }] });

  it.each([
    [true, { permission: { bash: "ask" } }],
    [true, { agents: { build: { system: "x" } }, mcp: { a: { type: "local", command: ["npx"] } } }],
    [true, { plugin: ["a", ["b", {}]] }],
    [false, { plugin: [["b", 5]] }],
    [false, { permision: { bash: "ask" } }],
    [false, { permission: { bash: "aks" } }],
  ])("says %s to the settings %j, in both files", (isValid, config) => {
    for (const name of ["projects.schema.json", "projects.stack.schema.json"])
      expect(accepts(name, withConfig(config)), name).toBe(isValid);
  });

  it.each([
    [true, {}],
    [true, { exclude: ["sandbox"] }],
    [true, { projects: [{ name: "a", git: { auth: "ssh" }, env: { A: null }, secrets: null }] }],
    [true, { defaults: null, groups: { shop: null }, limits: { perPerson: null } }],
    [false, { exclude: "sandbox" }],
    [false, { projects: [{ state: "stopped" }] }],
    [false, { projects: [{ name: "a", sate: "stopped" }] }],
    [false, { projects: [{ name: null }] }],
  ])("says %s to %j in a stack's own file", (isValid, value) => {
    expect(accepts("projects.stack.schema.json", value)).toBe(isValid);
  });

  it("says no to a stack's keys in projects.yaml", () => {
    expect(accepts("projects.schema.json", { projects: [], exclude: [] })).toBe(false);
    expect(accepts("projects.schema.json", { projects: [{ name: "a", env: null }] })).toBe(false);
  });

  it("loads each in no time", () => {
    for (const name of ["projects.schema.json", "projects.stack.schema.json"])
      expect(read(name).length).toBeLessThan(80_000);
  });
});

it("every key is in the JSON schema and says what it means", () => {
  const keys = keysOf(JSON.parse(projectsJsonSchema()) as Node);
  expect([...new Set(keys.map(([path]) => path))].sort()).toEqual(
    [
      "defaults",
      "defaults.env",
      "defaults.image",
      "defaults.network",
      "defaults.network.allow",
      "defaults.opencode",
      "defaults.opencode.config",
      "defaults.opencode.enforce",
      "defaults.opencode.model",
      "defaults.opencode.version",
      "defaults.packages",
      "defaults.resources",
      "defaults.resources.cpus",
      "defaults.resources.memory",
      "defaults.resources.disk",
      "defaults.resources.files",
      "defaults.resources.pids",
      "defaults.resources.weight",
      "defaults.sleep",
      "defaults.timezone",
      "groups",
      "limits",
      "limits.maxProjects",
      "limits.perPerson",
      "projects",
      "projects[].backup",
      "projects[].branch",
      "projects[].checkpoints",
      "projects[].depth",
      "projects[].devcontainer",
      "projects[].env",
      "projects[].git",
      "projects[].git.auth",
      "projects[].git.email",
      "projects[].git.forge",
      "projects[].git.knownHosts",
      "projects[].git.name",
      "projects[].git.secret",
      "projects[].git.sign",
      "projects[].git.username",
      "projects[].image",
      "projects[].machines",
      "projects[].members",
      "projects[].name",
      "projects[].network",
      "projects[].network.allow",
      "projects[].opencode",
      "projects[].opencode.config",
      "projects[].opencode.enforce",
      "projects[].opencode.model",
      "projects[].opencode.version",
      "projects[].owners",
      "projects[].packages",
      "projects[].ports",
      "projects[].repo",
      "projects[].repos",
      "projects[].repos[].branch",
      "projects[].repos[].depth",
      "projects[].repos[].path",
      "projects[].repos[].url",
      "projects[].resources",
      "projects[].resources.cpus",
      "projects[].resources.memory",
      "projects[].resources.disk",
      "projects[].resources.files",
      "projects[].resources.pids",
      "projects[].resources.weight",
      "projects[].secrets",
      "projects[].services",
      "projects[].setup",
      "projects[].sleep",
      "projects[].state",
      "projects[].timezone",
      "projects[].trust",
      "trustedRepos",
    ].sort(),
  );
  expect(keys.filter(([, { description }]) => !description?.endsWith(".")).map(([path]) => path)).toEqual([]);
});

it("the projects.yaml of a new checkout names its schema and passes", () => {
  expect(read("projects.yaml")).toMatch(/^# yaml-language-server: \$schema=\.\/projects\.schema\.json\n/);
  const projects = loadProjects(read("projects.yaml"), { file: "projects.yaml", stack: "local" });
  expect(projects.map(({ name, repo, secrets }) => [name, repo, secrets])).toEqual([
    ["sandbox", undefined, []],
    ["scratchpad", undefined, []],
  ]);
});

it("the examples in its comments pass as well, once the comment signs are gone", () => {
  const text = read("projects.yaml")
    .split("\n")
    .map((line) => (/^\s*# ([- ] |(env|opencode|limits): \{)/.test(line) ? line.replace("# ", "") : line))
    .join("\n");
  const projects = loadProjects(text, { file: "projects.yaml", stack: "local" });
  expect(projects[2]).toMatchObject({
    name: "web-shop",
    env: { LANG: "C.UTF-8", LOG_LEVEL: "debug", RETRIES: "3" },
    git: { auth: "token", secret: "GITHUB_TOKEN" },
    opencode: { model: "anthropic/claude-sonnet-4-5", config: { autoupdate: false } },
    members: ["dev@example.com"],
  });
});

it("editors can compile every pattern of the JSON schema", () => {
  const patterns = [...projectsJsonSchema().matchAll(/"pattern": (".*")/g)].map(([, text = ""]) =>
    JSON.parse(text),
  );
  expect(patterns.length).toBeGreaterThan(5);
  for (const pattern of patterns) expect(() => new RegExp(pattern, "u")).not.toThrow();
});
