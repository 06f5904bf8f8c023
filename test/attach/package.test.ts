import { expect, it } from "vitest";
import { OPENCODE_VERSION as PINNED } from "../../attach/src/opencode.ts";
import { OPENCODE } from "../../config/versions.ts";

it("pins the release of opencode that is in the image", () => {
  expect(PINNED).toBe(OPENCODE);
});
