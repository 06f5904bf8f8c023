/** Where `npm run devcontainer` writes what it has found: one file for all stacks, or the stack's own where projects.<stack>.yaml has another repository. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type Asked, lockFile } from "../../config/devcontainer/lock.ts";
import { PROJECTS_FILE } from "../../config/projects/overlay.ts";
import { listOf, mapOf } from "../../config/projects/rough.ts";
import { readOptional } from "../../config/text/read-optional.ts";
import { parseYaml } from "../../config/text/yaml.ts";

/**
 * Writes a project's lock. The stack's own is removed once projects.yaml alone says the same, since it would count first.
 * @param root the folder of projects.yaml
 * @param asked what the stack's entry says
 * @returns the file, relative to projects.yaml
 */
export function writeLock(root: string, stack: string, project: string, asked: Asked, text: string): string {
  const own = lockFile(project, stack);
  const file = isOfAllStacks(root, project, asked) ? lockFile(project) : own;
  mkdirSync(dirname(join(root, file)), { recursive: true });
  writeFileSync(join(root, file), text);
  if (file !== own) rmSync(join(root, own), { force: true });
  return file;
}

/** Whether projects.yaml by itself says the same. */
function isOfAllStacks(root: string, project: string, asked: Asked): boolean {
  const { value } = parseYaml(readOptional(join(root, PROJECTS_FILE)) ?? "");
  const entry = listOf(mapOf(value).projects)
    .map(mapOf)
    .find(({ name }) => name === project);
  const keys = ["repo", "branch", "devcontainer"] as const;
  return entry !== undefined && keys.every((key) => (entry[key] ?? undefined) === asked[key]);
}
