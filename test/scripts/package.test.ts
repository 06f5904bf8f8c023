import { join } from "node:path";
import { expect, it } from "vitest";
import { copiedFiles } from "../../scripts/lib/package/build.ts";

it("the package has what its program and an editor read beside the code", () => {
  expect(copiedFiles(join(import.meta.dirname, "../.."))).toEqual(
    expect.arrayContaining([
      "config/opencode-schemas/1.json",
      "config/opencode-schemas/2.json",
      "projects.schema.json",
      "projects.stack.schema.json",
    ]),
  );
});
