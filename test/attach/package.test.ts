import { expect, it } from "vitest";
import { OPENCODE_VERSION as PINNED } from "../../attach/src/opencode.ts";
import { OPENCODE } from "../../config/versions.ts";

it("is made for the release of opencode that the image has", () => {
  expect(PINNED).toBe(OPENCODE);
});
