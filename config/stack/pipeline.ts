/** Whether a repository has a pipeline, which then applies what the panel commits. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";

const GITHUB = ".github/workflows";
const GITLAB = ".gitlab-ci.yml";

/** @param checkout the folder of projects.yaml */
export function hasPipeline(checkout: string): boolean {
  if (existsSync(join(checkout, GITLAB))) return true;
  const workflows = join(checkout, GITHUB);
  return existsSync(workflows) && readdirSync(workflows).some((name) => /\.ya?ml$/.test(name));
}
