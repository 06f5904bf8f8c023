/** What is read of a droplet's look at the disks, and of a project's own health line. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { SPACE_FILE } from "../../config/naming/names.ts";
import { diskLine } from "../../operate/docker/container-state.ts";
import { DiskUsage, parseSpace } from "../../operate/docker/disk.ts";
import { removeFolder, temporaryFolder } from "../support/temporary.ts";

const folder = temporaryFolder();
afterAll(() => removeFolder(folder));

describe("the file of a droplet's look at the disks", () => {
  it("says what each project has used", () => {
    writeFileSync(join(folder, SPACE_FILE), '{ "projects": {\n  "shop": { "used": 5, "limit": 10 }\n} }\n');
    const usage = new DiskUsage(folder);
    expect(usage.of("shop")).toEqual({ used: 5, limit: 10 });
    expect(usage.of("other")).toBeUndefined();
    expect(usage.of("constructor")).toBeUndefined();
  });

  it("says nothing where there is none, or what is no such file", () => {
    expect(new DiskUsage(join(folder, "missing")).of("shop")).toBeUndefined();
    for (const text of ["", "{", "[]", '{ "projects": { "shop": { "used": -1, "limit": 0 } } }'])
      expect([...parseSpace(text)]).toEqual([]);
  });
});

describe("a health line", () => {
  const line = "disk nearly full: 83% of 10.0 GiB";

  it("says that a disk is nearly full", () => {
    expect(diskLine({ healthLine: `serving; ${line}; workspace: cloned main` })).toBe(line);
    expect(diskLine({ healthLine: "serving; workspace: cloned main" })).toBeUndefined();
  });

  it("does not say so in words of git, which a repository may choose", () => {
    expect(diskLine({ healthLine: `serving; workspace: cloned main; ${line}` })).toBeUndefined();
  });
});
