/** Edits of projects.yaml that the stack's own file would keep from taking effect. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { loadProjects } from "../../../config/projects/load.ts";
import { ProjectsFile } from "../../../panel/server/platform/projects-file.ts";
import type { Edit } from "../../../panel/server/platform/types.ts";
import { complaints } from "../../support/complaints.ts";

const BASE = "projects:\n  - name: shop\n    env: { A: x }\n  - name: sandbox\n  - name: old\n";
const overlay = {
  file: "projects.prod.yaml",
  text: "exclude: [old]\nprojects:\n  - name: shop\n    members: [a@example.com]\n    state: stopped\n    opencode: { version: 1 }\n  - name: added\n",
};
let folder = "";
let file: ProjectsFile;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "overlaid-"));
  const path = join(folder, "projects.yaml");
  writeFileSync(path, BASE);
  const check = (text: string) => void loadProjects(text, { file: "projects.yaml", stack: "prod", overlay });
  file = new ProjectsFile(path, check, () => overlay);
});
afterEach(() => rmSync(folder, { recursive: true }));

const change = (name: string, values: object): Edit => ({ kind: "change", name, values });
const IN_FILE = "— change it in projects.prod.yaml";

it.each<[Edit, string]>([
  [
    change("shop", { members: ["b@example.com"] }),
    `projects.prod.yaml:4:5 projects[0].members: sets members on this stack ${IN_FILE}`,
  ],
  [
    change("shop", { state: "stopped" }),
    `projects.prod.yaml:5:5 projects[0].state: sets state on this stack ${IN_FILE}`,
  ],
  [
    { kind: "release", name: "shop", version: "2" },
    `projects.prod.yaml:6:17 projects[0].opencode.version: sets opencode.version on this stack ${IN_FILE}`,
  ],
  [
    change("added", { env: { A: "x" } }),
    `projects.prod.yaml:7:5 projects[1]: added is an entry of this file alone ${IN_FILE}`,
  ],
  [
    { kind: "remove", name: "shop" },
    "projects.prod.yaml:3:5 projects[0]: changes shop on this stack — remove that first",
  ],
  [
    { kind: "remove", name: "added" },
    `projects.prod.yaml:7:5 projects[1]: added is an entry of this file alone ${IN_FILE}`,
  ],
  [
    { kind: "remove", name: "old" },
    "projects.prod.yaml:1:11 exclude[0]: changes old on this stack — remove that first",
  ],
  [
    { kind: "add", entry: { name: "added" } },
    `projects.prod.yaml:7:5 projects[1]: already has something to say of added ${IN_FILE}`,
  ],
  [
    { kind: "add", entry: { name: "old" } },
    `projects.prod.yaml:1:11 exclude[0]: already has something to say of old ${IN_FILE}`,
  ],
])("%j is refused, with the place", (edit, message) => {
  expect(complaints(() => file.validate(edit))).toEqual([message]);
  expect(complaints(() => file.edit(edit))).toEqual([message]);
  expect(readFileSync(join(folder, "projects.yaml"), "utf8")).toBe(BASE);
});

it.each<Edit>([
  change("shop", { env: { A: "y" } }),
  // A form sends the whole entry: what it leaves as it is changes nothing.
  change("shop", { env: { A: "x" }, branch: null, depth: undefined }),
  change("sandbox", { members: ["b@example.com"] }),
  { kind: "add", entry: { name: "new" } },
  { kind: "remove", name: "sandbox" },
])("%j is done, since it takes effect", (edit) => {
  expect(complaints(() => file.edit(edit))).toEqual([]);
});
