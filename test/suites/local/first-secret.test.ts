import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Platform } from "../../support/platform.ts";
import { must, run } from "../../support/run.ts";

const platform = new Platform();
let root: string;

/** A clone that was never started, with shared dependencies. */
beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), "opencode-platform-secret-"));
  await must("git", ["clone", "--quiet", platform.fixture.root, root]);
  symlinkSync(join(platform.fixture.root, "node_modules"), join(root, "node_modules"));
  writeFileSync(join(root, "projects.yaml"), "projects:\n  - { name: web, secrets: [API_KEY] }\n");
});

afterAll(() => rmSync(root, { recursive: true, force: true }));

it("sets a secret before the first start, by the command that the start shows", async () => {
  const start = await run("npm", ["start"], { cwd: root });
  expect(start.code).not.toBe(0);
  const [, command] = /npm run pulumi -- (config set --secret \S+)/.exec(start.output) ?? [];
  expect(command, start.output).toMatch(/^config set --secret secrets:/);

  const set = await run("npm", ["run", "pulumi", "--", ...String(command).split(" ")], {
    cwd: root,
    input: "value-of-the-key",
  });
  expect(set.code, set.output).toBe(0);
  expect(readFileSync(join(root, "Pulumi.local.yaml"), "utf8")).not.toContain("value-of-the-key");

  const check = await run("npm", ["run", "check"], { cwd: root });
  expect(check.code, check.output).toBe(0);
});
