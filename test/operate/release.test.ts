/** A project's release, written where it takes effect: to projects.yaml, or to the stack's own file over it. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { writeRelease } from "../../operate/opencode/release.ts";
import { complaints } from "../support/complaints.ts";
import { removeFolder, temporaryFolder } from "../support/temporary.ts";

const folder = temporaryFolder();
const write = (project: string, version: string) => writeRelease("local", project, version, folder);

const BASE = "projects:\n  - name: web # ours\n  - name: shop\n    opencode: { version: 1 }\n";
const OVERLAY =
  "projects:\n  - name: shop\n    opencode: { version: 1 }\n  - name: web\n    state: stopped\n  - name: more\n";
const read = (name: string) => readFileSync(join(folder, name), "utf8");

beforeEach(() => {
  writeFileSync(join(folder, "projects.yaml"), BASE);
  writeFileSync(join(folder, "projects.local.yaml"), OVERLAY);
});
afterAll(() => removeFolder(folder));

describe("writeRelease", () => {
  it("writes to projects.yaml what the stack's own file leaves open, and undoes it", () => {
    const undo = write("web", "1.18.30");
    expect(read("projects.yaml")).toContain("version: 1.18.30");
    expect(read("projects.local.yaml")).toBe(OVERLAY);
    undo();
    expect(read("projects.yaml")).toBe(BASE);
  });

  it.each(["shop", "more"])("writes that of %s to the stack's own file, and undoes it", (name) => {
    const undo = write(name, "1.18.30");
    expect(read("projects.local.yaml")).toContain("version: 1.18.30");
    expect(read("projects.yaml")).toBe(BASE);
    undo();
    expect(read("projects.local.yaml")).toBe(OVERLAY);
  });

  it("changes nothing for a release that can't be run, and says where", () => {
    expect(complaints(() => write("shop", "1.18.99"))[0]).toMatch(
      /^projects\.local\.yaml:3:\d+ projects\[0\]\.opencode\.version: "1\.18\.99" is not a release/,
    );
    expect(read("projects.local.yaml")).toBe(OVERLAY);
  });
});
