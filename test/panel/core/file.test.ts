import {
  chmodSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { loadProjects } from "../../../config/projects/load.ts";
import { applyEdit, ProjectsFile, versionOf } from "../../../panel/server/platform/projects-file.ts";
import { Conflict, type Edit, NotFound } from "../../../panel/server/platform/types.ts";
import { exec } from "../../../toolchain/lib/exec.ts";
import { complaints } from "../../support/complaints.ts";

const check = (text: string) => void loadProjects(text, { file: "projects.yaml", stack: "local" });
const COMMENTED = `# The platform's projects.

defaults:
  resources: { memory: 1GiB, cpus: 1 }   # for all

projects:
  # The least.
  - name: sandbox

  # Mail's.
  - name: 'mail'    # quoted
    env: { LOG_LEVEL: debug }
    # secrets: [TOKEN]

  # Everything an entry can say:
  # - name: web-shop

# the end
`;
const add = (name: string, more: object = {}): Edit => ({ kind: "add", entry: { name, ...more } });
const remove = (name: string): Edit => ({ kind: "remove", name });
const change = (name: string, values: object): Edit => ({ kind: "change", name, values });
/** Lines that only one of the texts has. */
function difference(before: string, after: string): { removed: string[]; added: string[] } {
  const [old, now] = [before.split("\n"), after.split("\n")];
  const without = (lines: string[], others: string[]) => {
    const left = [...others];
    return lines.filter((line) => {
      const at = left.indexOf(line);
      if (at >= 0) left.splice(at, 1);
      return at < 0;
    });
  };
  return { removed: without(old, now), added: without(now, old) };
}

describe("the text of a projects.yaml", () => {
  it("gets an entry after the last one, with the same blank lines between", () => {
    const after = applyEdit(COMMENTED, add("shop", { resources: { memory: "4GiB" }, state: "stopped" }));
    expect(after).toContain(
      "    # secrets: [TOKEN]\n\n  - name: shop\n    resources: { memory: 4GiB }\n    state: stopped\n\n  # Everything",
    );
    expect(difference(COMMENTED, after).removed).toEqual([]);
    expect(applyEdit(after, remove("shop"))).toBe(COMMENTED);
  });

  it("loses an entry with only its own comments", () => {
    expect(difference(COMMENTED, applyEdit(COMMENTED, remove("mail")))).toEqual({
      removed: [
        "  # Mail's.",
        "  - name: 'mail'    # quoted",
        "    env: { LOG_LEVEL: debug }",
        "    # secrets: [TOKEN]",
        "",
      ],
      added: [],
    });
    expect(applyEdit(COMMENTED, remove("sandbox"))).toContain(
      "projects:\n  # Mail's.\n  - name: 'mail'    # quoted\n",
    );
  });

  it("changes only the value", () => {
    const after = applyEdit(
      COMMENTED,
      change("mail", { env: { LOG_LEVEL: "info", RETRIES: 3 }, state: "stopped" }),
    );
    expect(difference(COMMENTED, after)).toEqual({
      removed: ["    env: { LOG_LEVEL: debug }"],
      added: ["    env: { LOG_LEVEL: info, RETRIES: 3 }", "    state: stopped"],
    });
    expect(applyEdit(after, change("mail", { env: { LOG_LEVEL: "debug" }, state: null }))).toBe(COMMENTED);
  });

  it("has a block list from the first entry on, and [] without entries", () => {
    const none = "projects: [] # none yet\n  # about them\nlimits: { maxProjects: 3 }\n";
    const one = applyEdit(none, add("shop"));
    expect(one).toBe("projects: # none yet\n  - name: shop\n  # about them\nlimits: { maxProjects: 3 }\n");
    expect(applyEdit(one, remove("shop"))).toBe(none);
  });

  it.each([
    [
      "CRLF",
      "projects:\r\n- name: a\r\n  env:\r\n    A: 1\r\n",
      "projects:\r\n- name: a\r\n  env:\r\n    A: 1\r\n- name: b\r\n",
    ],
    ["no final line break", "projects:\n  - name: a", "projects:\n  - name: a\n  - name: b"],
    ["braces", "{projects: [{name: a}]}", "{projects: [{name: a}, { name: b }]}"],
    [
      "lines in brackets",
      "projects: [\n  {name: a}, # first\n]\n",
      "projects: [\n  {name: a}, # first\n  { name: b },\n]\n",
    ],
    [
      "no last comma",
      "projects: [\n  {name: a} # first\n]\n",
      "projects: [\n  {name: a}, # first\n  { name: b }\n]\n",
    ],
    ["a byte order mark", "\uFEFFprojects:\n  - name: a\n", "\uFEFFprojects:\n  - name: a\n  - name: b\n"],
  ])("keeps its style: %s", (_, before, after) => {
    expect(applyEdit(before, add("b"))).toBe(after);
  });

  it("keeps anchors, aliases and merge keys, also if the anchored node is removed", () => {
    const text =
      "projects:\n  - name: a\n    env: &common\n      A: 1 # one\n  - name: b\n    env: *common\n  - name: c\n    env: { <<: *common, C: 2 }\n";
    expect(applyEdit(text, add("d"))).toBe(`${text}  - name: d\n`);
    expect(applyEdit(text, remove("a"))).toBe(
      "projects:\n  - name: b\n    env: &common { A: 1 }\n  - name: c\n    env: { <<: *common, C: 2 }\n",
    );
    const changed = applyEdit(text, change("a", { env: { A: 2 } }));
    expect(changed).toContain("    env: { A: 2 } # one\n  - name: b\n    env: &common { A: 1 }\n");
    expect(applyEdit(text, change("b", { env: { B: 1 } }))).toContain(
      "env: &common\n      A: 1 # one\n  - name: b\n    env: { B: 1 }\n",
    );
  });

  it("refuses another name for an entry, and an unknown entry", () => {
    expect(complaints(() => applyEdit(COMMENTED, change("mail", { name: "post" })))).toEqual([
      "projects.yaml projects[1].name: cannot be changed: add a project with the new name instead",
    ]);
    expect(() => applyEdit(COMMENTED, remove("shop"))).toThrow(NotFound);
  });
});

describe("a projects.yaml on disk", () => {
  let folder: string;
  let path: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "panel-core-"));
    path = join(folder, "projects.yaml");
    writeFileSync(path, COMMENTED);
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it("keeps its mode and leaves no other files", () => {
    chmodSync(path, 0o640);
    const file = new ProjectsFile(path, check);
    const { version } = file.edit(add("shop"), file.read().version);
    expect(file.read()).toMatchObject({ version, text: readFileSync(path, "utf8") });
    expect(file.read().entries).toHaveLength(3);
    expect(statSync(path).mode & 0o777).toBe(0o640);
    expect(readdirSync(folder)).toEqual(["projects.yaml"]);
  });

  it("is changed through a symbolic link", () => {
    const link = join(folder, "link.yaml");
    symlinkSync("projects.yaml", link);
    new ProjectsFile(link, check).edit(add("shop"));
    expect(readFileSync(path, "utf8")).toContain("- name: shop");
    expect(readFileSync(link, "utf8")).toBe(readFileSync(path, "utf8"));
  });

  it("is unchanged if the result is invalid, with the schema's messages", () => {
    const file = new ProjectsFile(path, check);
    expect(complaints(() => file.edit(add("mail")))).toEqual([
      'projects.yaml:15:11 projects[2].name: "mail" is already used by projects[1] in line 11',
    ]);
    expect(
      complaints(() => file.edit(change("mail", { resources: { memory: "4 bananas" } }))).join(),
    ).toContain('"4 bananas" is not a size');
    expect(readFileSync(path, "utf8")).toBe(COMMENTED);
    expect(readdirSync(folder)).toEqual(["projects.yaml"]);
  });

  it("rejects an edit of a stale version", () => {
    const file = new ProjectsFile(path, check);
    const { version } = file.read();
    writeFileSync(path, `${COMMENTED}# by hand\n`);
    expect(() => file.edit(add("shop"), version)).toThrow(Conflict);
    expect(readFileSync(path, "utf8")).toBe(`${COMMENTED}# by hand\n`);
  });

  it("keeps an editor's save during the check", () => {
    const byHand = `${COMMENTED}# by hand\n`;
    const file = new ProjectsFile(path, () => writeFileSync(path, byHand));
    expect(() => file.edit(add("shop"))).toThrow(Conflict);
    expect(readFileSync(path, "utf8")).toBe(byHand);
    expect(readdirSync(folder)).toEqual(["projects.yaml"]);
  });

  it.each([
    ["a dead process", JSON.stringify({ pid: 2 ** 30, started: "1", hostname: hostname() })],
    [
      "an earlier process with the same id",
      JSON.stringify({ pid: process.pid, started: "1", hostname: hostname() }),
    ],
    ["no process", "not a lock"],
  ])("takes over the lock of %s", (_, holder) => {
    writeFileSync(join(folder, ".projects.yaml.lock"), holder);
    const file = new ProjectsFile(path, check);
    expect(file.edit(add("shop")).version).toBe(versionOf(readFileSync(path, "utf8")));
    expect(readdirSync(folder)).toEqual(["projects.yaml"]);
  });

  it("keeps the changes of concurrent processes", async () => {
    const script = join(folder, "edit.mjs");
    const code = join(import.meta.dirname, "../../../panel/server/platform/projects-file.ts");
    writeFileSync(
      script,
      `import { ProjectsFile } from ${JSON.stringify(code)};
      const file = new ProjectsFile(${JSON.stringify(path)}, () => {});
      for (let i = 0; i < 10; i++) file.edit({ kind: "add", entry: { name: process.argv[2] + i } });`,
    );
    const results = await Promise.all(["a", "b", "c"].map((name) => exec(process.execPath, [script, name])));
    expect(results).toEqual(results.map(() => ({ code: 0, stdout: "", stderr: "" })));
    expect(new ProjectsFile(path, check).read().entries).toHaveLength(32);
    expect(readFileSync(path, "utf8")).toContain("# the end\n");
  });
});
