import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, it } from "vitest";
import { OPENCODE_VERSION as PINNED } from "../../attach/src/opencode.ts";
import { OPENCODE } from "../../config/versions.ts";

const root = resolve(import.meta.dirname, "../..");
const PACKAGE = join(root, "attach");

const readJson = (...path: string[]) => JSON.parse(readFileSync(join(...path), "utf8"));

it("needs no other release of what the checkout has too", () => {
  const { dependencies } = readJson(PACKAGE, "package.json");
  const { devDependencies, dependencies: own } = readJson(root, "package.json");
  for (const [name, version] of Object.entries(dependencies))
    expect({ ...devDependencies, ...own }[name]).toBe(version);
  expect(PINNED).toBe(OPENCODE);
});
