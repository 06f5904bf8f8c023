/** A branch that a lead and the panel push to, in real repositories. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach } from "vitest";
import { loadProjects } from "../../../config/projects/load.ts";
import { makeApplyChange } from "../../../panel/server/platform/change.ts";
import { OperationQueue, type OperationsParts } from "../../../panel/server/platform/operations.ts";
import { ProjectsFile } from "../../../panel/server/platform/projects-file.ts";
import { Repository } from "../../../panel/server/platform/repository.ts";
import type { Operation } from "../../../panel/server/platform/types.ts";
import { mustExec } from "../../../toolchain/lib/exec.ts";
import { removeFolder, temporaryFolder } from "../temporary.ts";
import { ended, person, secrets } from "./core-world.ts";

export const WITH_EVE = "projects:\n  - name: shop\n    members: [ben@example.com, eve@example.com]\n";

let folder: string;
let queues: OperationQueue[] = [];
export const at = (name: string) => join(folder, name);
export const git = (cwd: string, ...args: string[]) =>
  mustExec("git", ["-c", "user.name=Lead", "-c", "user.email=lead@example.com", ...args], {
    cwd: at(cwd),
    timeoutMs: 30_000,
  });
/** projects.yaml of the panel's checkout. */
export const read = () => readFileSync(at("checkout/projects.yaml"), "utf8");

/** Makes `origin.git`, `lead` and `checkout` before each test of a file, and removes them after. */
export function useBranchWorld(): void {
  beforeEach(async () => {
    [folder, queues] = [temporaryFolder(), []];
    await git(".", "init", "--quiet", "--bare", "--initial-branch=main", "origin.git");
    await git(".", "init", "--quiet", "--initial-branch=main", "lead");
    writeFileSync(at("lead/projects.yaml"), WITH_EVE);
    await git("lead", "add", ".");
    await git("lead", "commit", "--quiet", "-m", "Begin");
    await git("lead", "remote", "add", "origin", at("origin.git"));
    await git("lead", "push", "--quiet", "origin", "main");
    await git(".", "clone", "--quiet", "origin.git", "checkout");
  });
  afterEach(async () => {
    await Promise.all(queues.map((queue) => queue.close()));
    removeFolder(folder);
  });
}

/** Opens the panel's side of it. */
export function openBranch(
  make: (repository: Repository) => Pick<OperationsParts, "update" | "isElsewhere">,
): OperationQueue {
  const check = (text: string) => void loadProjects(text, { file: "projects.yaml", stack: "local" });
  const file = new ProjectsFile(at("checkout/projects.yaml"), check);
  const settings = { remote: "origin", branch: "main" };
  const repository = new Repository(at("checkout"), "local", settings, { file, check });
  const queue = new OperationQueue({
    directory: at("journal"),
    apply: makeApplyChange({ file, secrets: secrets(), repository }),
    catchUp: () => repository.catchUp(),
    ...make(repository),
  });
  queues.push(queue);
  return queue;
}

/** A click on Start of a project that runs: it changes nothing. */
export const nothing = { person, what: "start shop", project: "shop" } as const;
export const start = { ...nothing, edit: { kind: "change", name: "shop", values: {} } } as const;

export async function endOf(queue: OperationQueue, { id }: Operation): Promise<Operation | undefined> {
  await ended(queue, id);
  return queue.get(id);
}
