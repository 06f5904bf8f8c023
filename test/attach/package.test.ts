import { expect, it } from "vitest";
import { OPENCODE_VERSIONS } from "../../attach/src/opencode.ts";
import { OPENCODE, OPENCODE_2 } from "../../config/versions.ts";
import { MAJORS } from "../../opencode/api/index.ts";

it("pins the release of each supported major that is in the images", () => {
  expect(OPENCODE_VERSIONS).toEqual({ 1: OPENCODE, 2: OPENCODE_2 });
  expect(Object.keys(OPENCODE_VERSIONS)).toEqual(MAJORS.map(({ major }) => String(major)));
});
