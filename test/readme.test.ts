import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { loadProjects } from "../config/projects/load.ts";
import { settingDocs } from "../config/stack/settings.ts";
import { LEAST_PERMISSIONS } from "../lab/clouds/cloudflare/api/permissions.ts";
import { PLATFORM_SCOPES } from "../lab/clouds/digitalocean/scopes.ts";

const root = join(import.meta.dirname, "..");
const read = (name: string) => readFileSync(join(root, name), "utf8");
const readme = read("README.md");
const deploying = read("docs/deploying.md");
const settingsPage = read("docs/settings.md");
const pages = [
  "README.md",
  "CHANGELOG.md",
  "CONTRIBUTING.md",
  "SECURITY.md",
  ...readdirSync(join(root, "docs"))
    .filter((name) => name.endsWith(".md"))
    .map((name) => `docs/${name}`),
];
const { scripts } = JSON.parse(read("package.json")) as { scripts: Readonly<Record<string, string>> };

/** A setting as the pages list it. */
const row = ({ key, meaning, default: standard }: (typeof settingDocs)[number]) =>
  `| \`${key}\` | ${standard ? `\`${standard}\`` : ""} | ${meaning} |`;

describe("README", () => {
  it("shows an example of projects.yaml that holds", () => {
    const [, example] = /```yaml\n([\s\S]+?)```/.exec(readme) ?? [];
    const projects = loadProjects(example ?? "", { file: "README", stack: "local", hasSecret: () => true });
    expect(projects.map(({ name }) => name)).toEqual(["sandbox", "web-shop"]);
  });

  it("is read in five minutes", () => {
    expect(readme.trimEnd().split("\n").length).toBeLessThanOrEqual(120);
  });

  it("names only folders that exist, for what reads tokens", () => {
    const [, table = ""] = /\n\| folder \| reads \|\n\|[-|]+\n((?:\|.*\n)+)/.exec(readme) ?? [];
    const folders = [...table.matchAll(/`([\w/.-]+\/)`/g)].map(([, folder = ""]) => folder);
    expect(folders.length).toBeGreaterThan(5);
    expect(folders.filter((folder) => !existsSync(join(root, folder)))).toEqual([]);
  });
});

describe("the page on settings", () => {
  it("lists every setting of the stack local with its meaning and default", () => {
    for (const docs of settingDocs.filter(({ kind }) => kind !== "droplet"))
      expect(settingsPage).toContain(row(docs));
  });
});

describe("the page on deploying", () => {
  it("lists every setting of a droplet with its meaning and default, and no other", () => {
    const settings = settingDocs.filter(({ kind }) => kind === "droplet");
    for (const docs of settings) expect(deploying).toContain(row(docs));
    const [, table = ""] = /\n\| key \| default \| meaning \|\n\|[-|]+\n((?:\|.*\n)+)/.exec(deploying) ?? [];
    expect(table.trimEnd().split("\n")).toHaveLength(settings.length);
  });

  it("lists the scopes that DigitalOcean's token needs, and no more", () => {
    const [, table = ""] = /\n\| scope of \|.*\n\|[-|]+\n((?:\|.*\n)+)/.exec(deploying) ?? [];
    const listed = [...table.matchAll(/^\| `(\w+)` \| (.+?) \|/gm)].flatMap(([, resource, verbs = ""]) =>
      [...verbs.matchAll(/`(\w+)`/g)].map(([, verb]) => `${resource}:${verb}`),
    );
    expect(listed.sort()).toEqual([...PLATFORM_SCOPES].sort());
  });

  it("lists what Cloudflare's token needs, as its dashboard calls it, and no more", () => {
    const [, table = ""] = /\n\| kind \| permission \|.*\n\|[-|]+\n((?:\|.*\n)+)/.exec(deploying) ?? [];
    const listed = [...table.matchAll(/^\| \w+ \| (.+?) \| (Read|Edit) \|/gm)].map(
      ([, name, access]) => `${name} ${access}`,
    );
    const needed = LEAST_PERMISSIONS.map((permission) => permission.replace(/ Write$/, " Edit"));
    expect(listed.sort()).toEqual([...needed].sort());
  });

  it("sets only settings that there are", () => {
    const set = [...deploying.matchAll(/config set (?:--secret )?(\w+) /g)].map(([, key]) => key ?? "");
    expect(set.length).toBeGreaterThan(5);
    expect(set.filter((key) => !settingDocs.some((docs) => docs.key === key))).toEqual([]);
  });
});

it("the tables of attackers name tests that there are, for all that is kept out", () => {
  const [, ...tables] = read("docs/security.md").split(
    "| someone who… | meets | tested in |\n|---|---|---|\n",
  );
  expect(tables).toHaveLength(2);
  const rows = tables
    .flatMap((table) => (table.split("\n\n")[0] ?? "").split("\n"))
    .map((row) => row.split(" | "));
  const testsOf = (cell = "") => [...cell.matchAll(/`([^`]+)`/g)].map(([, name]) => `test/${name}`);
  expect(rows.filter((row) => testsOf(row[2]).length === 0).map(([who]) => who)).toEqual([
    "| has an account on this machine",
  ]);
  const missing = rows
    .flatMap((row) => testsOf(row[2]))
    .filter((name) => ![".test.ts", ".ts"].some((end) => existsSync(join(root, `${name}${end}`))));
  expect(missing).toEqual([]);
});

describe.each(pages)("%s", (page) => {
  const text = read(page);

  it("names only npm scripts that there are", () => {
    const named = [...text.matchAll(/npm (?:run (?:-s )?([a-z][a-z:-]*)|(start|test)\b)/g)].map(
      ([, run, short]) => run ?? short ?? "",
    );
    expect(named.filter((name) => !(name in scripts))).toEqual([]);
  });

  it("links to files and headings that there are", () => {
    const links = [...text.matchAll(/\]\((?!https?:)([^)]+)\)/g)].map((match) => match[1] ?? "");
    expect(links.filter((link) => !leadsSomewhere(page, link))).toEqual([]);
  });
});

/** Whether a link of a page leads to a file and, after #, to a heading in it. */
function leadsSomewhere(page: string, link: string): boolean {
  const [path = "", heading] = link.split("#");
  const target = path === "" ? page : join(dirname(page), path);
  if (!existsSync(join(root, target))) return false;
  if (heading === undefined) return true;
  const headings = [...read(target).matchAll(/^#+ (.+)$/gm)].map(([, title = ""]) =>
    title
      .toLowerCase()
      .replace(/[^\w\s-]/g, "")
      .replaceAll(" ", "-"),
  );
  return headings.includes(heading);
}
