/** `projects.<stack>.yaml`, laid over projects.yaml. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { checkConfiguration, checkProjectsText } from "../../config/check.ts";
import {
  examineProjects,
  type LoadOptions,
  loadProjects,
  readProjectsFile,
} from "../../config/projects/load.ts";
import { strayOverlays } from "../../config/projects/stray-overlays.ts";
import { renderFile } from "../../config/text/yaml-render.ts";
import { complaints } from "../support/complaints.ts";
import { BASE, wrongOverlays } from "../support/config/wrong-overlays.ts";

const FILE = "projects.prod.yaml";
const options = (text: string): LoadOptions => ({
  file: "projects.yaml",
  stack: "prod",
  overlay: { file: FILE, text },
});
const together = (overlay: string, base = BASE) => examineProjects(base, options(overlay)).value;

describe("a mistake in a stack's own file", () => {
  it("is known in at least 25 ways", () => expect(wrongOverlays.length).toBeGreaterThanOrEqual(25));

  it.each(wrongOverlays)("$title", ({ overlay, messages }) => {
    expect(complaints(() => loadProjects(BASE, options(overlay)))).toEqual(messages);
  });

  it("is told beside one of projects.yaml, each with its file, those of projects.yaml first", () => {
    const base = `${BASE}    sate: x\n`;
    expect(complaints(() => loadProjects(base, options("exclude: [{}]\n")))).toEqual([
      "projects.yaml:11:5 projects[1].sate: is not a valid key here; did you mean state?",
      "projects.prod.yaml:1:11 exclude[0]: a map is not in projects.yaml",
    ]);
  });

  it("is none, and said, if it leaves out or removes what projects.yaml no longer has", () => {
    const { warnings, projects } = examineProjects(
      BASE,
      options("exclude: [long-gone]\nprojects: [{ name: web-shop, trust: ~ }, { name: docs, env: ~ }]\n"),
    );
    expect(projects.map(({ name }) => name)).toContain("docs");
    expect(warnings.map(({ where, what }) => `${where} ${what}`)).toEqual([
      expect.stringContaining("removes nothing: projects.yaml does not set it here"),
      expect.stringContaining("removes nothing: projects.yaml does not set it here"),
      expect.stringContaining('"long-gone" is not in projects.yaml'),
    ]);
  });

  it("of excluding in projects.yaml itself says where that belongs", () => {
    expect(complaints(() => loadProjects("projects: []\nexclude: [a]\n", options("")))).toEqual([
      "projects.yaml:2:1 exclude: is not a valid key here: it belongs into a stack's own file, such as projects.prod.yaml",
    ]);
  });
});

describe("a stack's own file", () => {
  it("merges maps key by key, replaces other values, and removes with null", () => {
    const overlay = `
defaults: { env: { TZ: UTC }, resources: { cpus: 2 } }
projects:
  - name: web-shop
    env: { LOG_LEVEL: null, RETRIES: 5, EXTRA: x }
    secrets: [GITHUB_TOKEN, OTHER]
    repo: https://git.example.com/web-shop.git
`;
    expect(together(overlay)).toMatchObject({
      defaults: { env: { LANG: "C.UTF-8", TZ: "UTC" }, resources: { cpus: 2 } },
      projects: [
        {
          name: "web-shop",
          repo: "https://git.example.com/web-shop.git",
          env: { RETRIES: 5, EXTRA: "x" },
          secrets: ["GITHUB_TOKEN", "OTHER"],
          git: { auth: "token", secret: "GITHUB_TOKEN" },
        },
        { name: "sandbox" },
      ],
    });
    const [shop] = loadProjects(BASE, options(overlay));
    expect(shop?.env).toEqual({ EXTRA: "x", LANG: "C.UTF-8", RETRIES: "5", TZ: "UTC" });
  });

  it("keeps the order of projects.yaml, and adds behind it", () => {
    const overlay = "projects: [{ name: more }, { name: sandbox, state: stopped }, { name: docs }]\n";
    const names = loadProjects(BASE, options(overlay)).map(({ name, state }) => `${name} ${state}`);
    expect(names).toEqual(["web-shop running", "sandbox stopped", "more running", "docs running"]);
  });

  it("excludes entries, whose secrets then need no value", () => {
    const context = { ...options("exclude: [web-shop]\n"), hasSecret: () => false };
    expect(loadProjects(BASE, context).map(({ name }) => name)).toEqual(["sandbox"]);
    expect(() => loadProjects(BASE, { ...context, overlay: undefined })).toThrow("GITHUB_TOKEN has no value");
  });

  it.each(["", "# nothing yet\n", "{}\n"])("may be empty: %j", (overlay) => {
    expect(together(overlay)).toEqual(examineProjects(BASE, { ...options(""), overlay: undefined }).value);
  });

  it("can say what projects.yaml leaves open", () => {
    const base = "projects:\n  - { name: a, git: { auth: ssh } }\n";
    expect(() => loadProjects(base, options(""))).toThrow(
      "projects.yaml:2:16 projects[0].git: has no effect",
    );
    const overlay = "projects: [{ name: a, repo: git@github.com:example/a.git }]\n";
    expect(loadProjects(base, options(overlay))[0]?.git.auth).toBe("ssh");
  });

  it("is printed together with projects.yaml as a file that means the same", () => {
    const overlay =
      'exclude: [sandbox]\nprojects: [{ name: more, env: { A: "yes", B: "1.10", C: "x: y #z" } }]\n';
    const printed = renderFile(together(overlay));
    expect(loadProjects(printed, { file: "printed", stack: "prod" })).toEqual(
      loadProjects(BASE, options(overlay)),
    );
  });
});

describe("a checkout", () => {
  let folder = "";
  const write = (name: string, text: string) => writeFileSync(join(folder, name), text);
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "overlay-"));
    write("projects.yaml", "projects: [{ name: a }, { name: b }]\n");
    write("projects.local.yaml", "exclude: [b]\nprojects: [{ name: c, repo: ./c }]\n");
    mkdirSync(join(folder, "c"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it("has the file of its stack laid over projects.yaml, and of no other", () => {
    const path = join(folder, "projects.yaml");
    const { projects, files } = readProjectsFile(path, { stack: "local" });
    expect(projects.map(({ name }) => name)).toEqual(["a", "c"]);
    expect(projects[1]?.repo?.url).toBe(join(folder, "c"));
    expect(files).toEqual(["projects.yaml", "projects.local.yaml"]);
    expect(readProjectsFile(path, { stack: "prod" }).projects.map(({ name }) => name)).toEqual(["a", "b"]);
  });

  it("is checked with it, also for a text that is not written yet", () => {
    expect(checkConfiguration(folder, "local").projects.map(({ name }) => name)).toEqual(["a", "c"]);
    expect(complaints(() => checkProjectsText(folder, "local", "projects: [{ name: a, sate: x }]"))).toEqual([
      "projects.yaml:1:23 projects[0].sate: is not a valid key here; did you mean state?",
    ]);
    // An entry that another stack's panel has deleted is no reason to stop this one.
    checkProjectsText(folder, "local", "projects: [{ name: a }]");
  });

  it("with a file that is read for no stack is warned of", () => {
    write("Pulumi.prod.yaml", "");
    for (const stack of ["prod", "prdo", "new"]) write(`projects.${stack}.yaml`, "");
    expect(strayOverlays(folder, "new")).toEqual([
      {
        where: "projects.prdo.yaml",
        what: "is read for no stack: Pulumi.prdo.yaml not found; did you mean projects.prod.yaml?",
      },
    ]);
    expect(checkConfiguration(folder, "local").warnings.map(({ where }) => where)).toEqual([
      "projects.new.yaml",
      "projects.prdo.yaml",
    ]);
  });

  it("with a file that can't be read is refused", () => {
    write("projects.local.yaml", "\0");
    expect(() => checkConfiguration(folder, "local")).toThrow(
      "projects.local.yaml:1:1: contains the control",
    );
    rmSync(join(folder, "projects.local.yaml"));
    mkdirSync(join(folder, "projects.local.yaml"));
    expect(() => checkConfiguration(folder, "local")).toThrow("projects.local.yaml: cannot be read (EISDIR)");
  });
});

it("the example in docs/settings.md is what it says", () => {
  const page = readFileSync(new URL("../../docs/settings.md", import.meta.url), "utf8");
  const [, example = ""] = /## Projects per stack.*?```yaml\n(.*?)```/s.exec(page) ?? [];
  const base = `defaults: { resources: { cpus: 2 } }
projects:
  - { name: sandbox }
  - { name: web-shop, env: { LOG_LEVEL: debug, RETRIES: 3 }, secrets: [GITHUB_TOKEN] }
`;
  expect(loadProjects(base, options(example))).toMatchObject([
    {
      name: "web-shop",
      env: { RETRIES: "3" },
      secrets: ["ANTHROPIC_API_KEY"],
      resources: { cpus: 2, memory: { text: "4GiB" } },
    },
    { name: "billing", members: ["dev@example.com"] },
  ]);
});
