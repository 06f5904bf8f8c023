import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { loadProjects } from "../../config/load.ts";
import { settingDocs } from "../../config/stack.ts";

const root = join(import.meta.dirname, "../..");
const readme = readFileSync(join(root, "README.md"), "utf8");

describe("README", () => {
  it("shows an example of projects.yaml that holds", () => {
    const [, example] = /```yaml\n([\s\S]+?)```/.exec(readme) ?? [];
    const projects = loadProjects(example ?? "", { file: "README", stack: "local", hasSecret: () => true });
    expect(projects.map(({ name }) => name)).toEqual(["sandbox", "web-shop"]);
  });

  it("names only npm scripts that there are", () => {
    const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
    const named = [...readme.matchAll(/npm (?:run (?:-s )?)?([a-z:]+)/g)]
      .map((match) => match[1] ?? "")
      .filter((name) => name !== "run");
    expect(named.length).toBeGreaterThan(10);
    expect(named.filter((name) => !(name in scripts))).toEqual([]);
  });

  it("lists every setting of the stack local with its meaning and default", () => {
    for (const { key, meaning, default: standard } of settingDocs.filter(({ kind }) => kind !== "droplet")) {
      expect(readme).toContain(`| \`${key}\` | ${standard ? `\`${standard}\`` : ""} | ${meaning} |`);
    }
  });

  it("links to files that there are", () => {
    const links = [...readme.matchAll(/\]\((?!https?:)([^)#]+)\)/g)].map((match) => match[1] ?? "");
    expect(links.filter((link) => !existsSync(join(root, link)))).toEqual([]);
  });
});
