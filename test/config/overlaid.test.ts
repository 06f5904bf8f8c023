import { expect, it } from "vitest";
import { overlaidIn } from "../../config/projects/overlaid.ts";

it("what a stack's own file says of one entry is told with places", () => {
  const text = "exclude: [b]\nprojects:\n  - name: a\n    env: { A: x }\n    opencode: { version: 2 }\n";
  const overlay = { file: "projects.prod.yaml", text };
  expect(overlaidIn(undefined, "a")).toBeUndefined();
  expect(overlaidIn(overlay, "c")).toBeUndefined();
  expect(overlaidIn(overlay, "b")).toEqual({
    file: "projects.prod.yaml",
    excluded: "projects.prod.yaml:1:11 exclude[0]",
    keys: new Map(),
  });
  expect(overlaidIn(overlay, "a")).toEqual({
    file: "projects.prod.yaml",
    entry: "projects.prod.yaml:3:5 projects[0]",
    keys: new Map([
      ["env", "projects.prod.yaml:4:5 projects[0].env"],
      ["opencode", "projects.prod.yaml:5:5 projects[0].opencode"],
      ["opencode.version", "projects.prod.yaml:5:17 projects[0].opencode.version"],
    ]),
  });
});
