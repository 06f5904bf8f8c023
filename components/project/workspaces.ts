import * as pulumi from "@pulumi/pulumi";
import { workspaceDirectories } from "../../config/naming/names.ts";
import { shellQuote } from "../../config/text/shell.ts";
import type { Host } from "../host/host.ts";

/**
 * Makes the projects' directories, before their containers: one command for all projects, which touches none that is there. They outlive
 * their containers, and are never deleted here.
 * @returns once they are there. The containers' resources don't depend on it: else the engine could not update one project without the others.
 */
export async function makeWorkspaces(host: Host, projects: readonly string[]): Promise<void> {
  const { id } = host.run("workspaces", { create: workspacesScript(host, projects) }, {});
  if (pulumi.runtime.isDryRun()) return;
  // Unlike an output's `apply`, this ends where the command has failed, too; the SDK then reports it.
  await (id as unknown as { promise(withUnknowns: boolean): Promise<unknown> }).promise(true);
}

/** Two directories for each project: its workspace, and its home with opencode's sessions. */
export function workspacesScript(
  host: Pick<Host, "workspacesDir" | "makeDirectory" | "makeDirectoryOf">,
  projects: readonly string[],
): string {
  const makeEach = projects.flatMap((name) =>
    Object.values(workspaceDirectories(host.workspacesDir, name)).map(
      (path) => `[ -d ${shellQuote(path)} ] || { ${host.makeDirectoryOf(name, path)}; } || :`,
    ),
  );
  // A failure is reported by the project's own command, which makes its directories too: here it would keep all projects from starting.
  return [`${host.makeDirectory(host.workspacesDir)} || exit`, ...makeEach].join("\n");
}
