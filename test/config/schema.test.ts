import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { projectsJsonSchema } from "../../config/projects/json-schema.ts";
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

it("projects.schema.json is what the zod schema says; `npm run schema` writes it", () => {
  expect(read("projects.schema.json")).toBe(projectsJsonSchema());
});

it("every key is in the JSON schema and says what it means", () => {
  const keys = keysOf(JSON.parse(projectsJsonSchema()) as Node);
  expect([...new Set(keys.map(([path]) => path))].sort()).toEqual(
    [
      "defaults",
      "defaults.env",
      "defaults.network",
      "defaults.network.allow",
      "defaults.opencode",
      "defaults.opencode.config",
      "defaults.opencode.enforce",
      "defaults.opencode.model",
      "defaults.opencode.version",
      "defaults.resources",
      "defaults.resources.cpus",
      "defaults.resources.memory",
      "defaults.resources.pids",
      "groups",
      "limits",
      "limits.maxProjects",
      "limits.perPerson",
      "projects",
      "projects[].branch",
      "projects[].depth",
      "projects[].env",
      "projects[].git",
      "projects[].git.auth",
      "projects[].git.knownHosts",
      "projects[].git.secret",
      "projects[].git.username",
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
      "projects[].ports",
      "projects[].repo",
      "projects[].resources",
      "projects[].resources.cpus",
      "projects[].resources.memory",
      "projects[].resources.pids",
      "projects[].secrets",
      "projects[].state",
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
