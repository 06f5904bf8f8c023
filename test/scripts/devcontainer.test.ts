/** `npm run devcontainer`, as a person runs it on a clone. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { cliVersion } from "../../operate/devcontainer/cli.ts";
import { run } from "../support/run.ts";
import { removeFolder, temporaryFolder } from "../support/temporary.ts";

const ROOT = join(import.meta.dirname, "../..");
let folder = "";
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(() => removeFolder(folder));

const printed = (text: string) => {
  mkdirSync(join(folder, "Web Shop/.devcontainer"), { recursive: true });
  writeFileSync(join(folder, "Web Shop/.devcontainer/devcontainer.json"), text);
  const args = [join(ROOT, "scripts/devcontainer.ts"), "Web Shop"];
  // As npm runs it: elsewhere than the person is.
  return run(process.execPath, args, { cwd: ROOT, env: { ...process.env, INIT_CWD: folder } });
};

it("prints an entry, and what of the file a project does not take", async () => {
  const { code, stdout, stderr } = await printed(
    '{ "image": "golang:1.25", "postCreateCommand": "go mod download", "remoteUser": "root" }',
  );
  expect([code, stdout]).toEqual([
    0,
    "projects:\n  - name: project\n    image: golang:1.25\n    setup: go mod download\n",
  ]);
  expect(stderr).toBe("not taken: remoteUser: a project has a user of its own\n");
});

it("prints the command that builds an image of a Dockerfile, and refuses what would reach the host", async () => {
  const { stdout } = await printed('{ "build": { "dockerfile": "Dockerfile" } }');
  expect(stdout).toContain("    image: project-devcontainer:1\n");
  expect(stdout).toContain(
    `npx @devcontainers/cli@${cliVersion()} build --workspace-folder '${folder}/Web Shop' `,
  );
  const { code, stderr } = await printed('{ "image": "golang:1.25", "privileged": true }');
  expect([code, stderr]).toEqual([1, expect.stringContaining("devcontainer.json:1:41 privileged: gives")]);
});
