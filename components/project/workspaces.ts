import * as pulumi from "@pulumi/pulumi";
import { serviceData, servicesDirectory, workspaceDirectories } from "../../config/naming/names.ts";
import type { Project } from "../../config/projects/project.ts";
import { shellQuote } from "../../config/text/shell.ts";
import type { Host } from "../host/host.ts";
import { limitSpace } from "../host/space.ts";

type Placed = Pick<Project, "name" | "resources" | "services">;

/**
 * Makes the projects' directories, before their containers: one command for all projects, which touches none that is there. They outlive
 * their containers, and are never deleted here.
 * @returns once they are there. The containers' resources don't depend on it: else the engine could not update one project without the others.
 */
export async function makeWorkspaces(host: Host, projects: readonly Placed[]): Promise<void> {
  const { id } = host.run("workspaces", { create: workspacesScript(host, projects) }, {});
  if (pulumi.runtime.isDryRun()) return;
  // Unlike an output's `apply`, this ends where the command has failed, too; the SDK then reports it.
  await (id as unknown as { promise(withUnknowns: boolean): Promise<unknown> }).promise(true);
}

/** Two directories for each project: its workspace, and its home with opencode's sessions. */
export function workspacesScript(
  host: Pick<Host, "workspacesDir" | "makeDirectory" | "makeDirectoryOf" | "diskBytes">,
  projects: readonly Placed[],
): string {
  const makeEach = projects.flatMap((project) => {
    const limit = limitOf(host, project);
    const areThere = limitedDirectories(host, project).map((path) => `[ -d ${shellQuote(path)} ]`);
    return [
      ...(limit ? [`${areThere.join(" && ")} || (${limit}) || :`] : []),
      ...Object.values(workspaceDirectories(host.workspacesDir, project.name)).map(
        (path) => `[ -d ${shellQuote(path)} ] || { ${host.makeDirectoryOf(project.name, path)}; } || :`,
      ),
    ];
  });
  // A failure is reported by the project's own command, which makes its directories too: here it would keep all projects from starting.
  return [`${host.makeDirectory(host.workspacesDir)} || exit`, ...makeEach].join("\n");
}

/** Shell commands that make a project's directories, with its limit of disk where it has one. */
export function makeDirectories(
  host: Pick<Host, "workspacesDir" | "makeDirectoryOf" | "diskBytes">,
  project: Placed,
): string[] {
  const limit = limitOf(host, project);
  const paths = Object.values(workspaceDirectories(host.workspacesDir, project.name));
  return [...(limit ? [limit] : []), ...paths.map((path) => host.makeDirectoryOf(project.name, path))];
}

/** What counts towards a project's limit: what its services keep is the project's, too. */
function limitedDirectories({ workspacesDir }: Pick<Host, "workspacesDir">, project: Placed): string[] {
  const { workspace, home } = workspaceDirectories(workspacesDir, project.name);
  const keeps = project.services?.some(({ volumes }) => volumes.length > 0);
  return [workspace, home, ...(keeps ? [serviceData(workspacesDir, project.name)] : [])];
}

function limitOf(host: Pick<Host, "workspacesDir" | "diskBytes">, project: Placed): string | undefined {
  const bytes = project.resources.disk?.bytes ?? host.diskBytes;
  if (bytes === undefined) return undefined;
  const directories = limitedDirectories(host, project);
  // As its own command makes it, which comes later.
  const root = shellQuote(servicesDirectory(host.workspacesDir));
  const makeRoot =
    directories.length > 2 ? `[ -d ${root} ] || { mkdir -p ${root} && chmod 0700 ${root}; }\n` : "";
  return makeRoot + limitSpace(host.workspacesDir, directories, bytes);
}
