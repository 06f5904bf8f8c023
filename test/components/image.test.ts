import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { imageTag } from "../../components/host/image.ts";

const args = { OPENCODE_VERSION: "1.2.3", BASE_IMAGE: "base" };
let context: string;
beforeEach(() => {
  context = join(mkdtempSync(join(tmpdir(), "image-")), "opencode");
  cpSync(join(import.meta.dirname, "../../opencode"), context, { recursive: true });
});
afterEach(() => rmSync(context, { recursive: true }));

it("is the same wherever the checkout lies", () => {
  expect(imageTag(context, args)).toBe(imageTag(join(import.meta.dirname, "../../opencode"), args));
  expect(imageTag(context, args)).toMatch(/^1\.2\.3-[0-9a-f]{12}$/);
});

it("changes with a build argument and with a file that is built in, and with no other file", () => {
  const before = imageTag(context, args);
  expect(imageTag(context, { ...args, BASE_IMAGE: "other" })).not.toBe(before);
  writeFileSync(join(context, "settings.ts"), "// not part of the image\n");
  expect(imageTag(context, args)).toBe(before);
  writeFileSync(join(context, "rootfs/usr/local/lib/opencode-platform/health"), "#!/bin/sh\n");
  expect(imageTag(context, args)).not.toBe(before);
});
