/** `npm run purge -- <name>`: deletes the workspace of a project that is no longer in projects.yaml. */
import { checkConfiguration } from "../config/check.ts";
import { fail } from "../config/errors.ts";
import { makeNames } from "../config/naming/names.ts";
import { PROJECT_NAME_PATTERN } from "../config/projects/field-schemas.ts";
import { localWorkspaces } from "../config/stack/workspaces-dir.ts";
import { listContainers } from "../operate/docker/containers.ts";
import { deleteFolders, workspaceFolders } from "../operate/docker/workspaces.ts";
import { dockerEnv, root, STACK } from "../operate/engine/checkout.ts";
import type { Session } from "../operate/engine/session.ts";
import { engineVersion } from "../toolchain/lib/docker.ts";
import { ask } from "./lib/ask.ts";
import { main } from "./lib/main.ts";
import { refuseOtherStack } from "./lib/only-local.ts";

await main(async (args) => {
  refuseOtherStack("run purge", args, onDroplet);
  const [name = "", ...rest] = args;
  const given = [name, ...rest].join(" ");
  if (rest.length > 0 || !PROJECT_NAME_PATTERN.test(name))
    fail("config", "npm run purge", `"${given}" is not a project's name`, "npm run purge -- <name>");
  const { projects, settings } = checkConfiguration(root, STACK);
  const inUse = "remove it from projects.yaml and apply that (npm start), then purge";
  if (projects.some((project) => project.name === name)) fail("conflict", name, "is in projects.yaml", inUse);
  const { path } = localWorkspaces(settings, root);
  const folders = workspaceFolders(path, name);
  if (folders.length === 0) fail("config", name, `has no workspace in ${path}`);
  const env = dockerEnv(settings);
  if (!(await engineVersion(env)))
    fail("environment", "docker", "is not responding, so the workspace may be in use", "npm run doctor");
  const container = makeNames(settings.namePrefix).project(name);
  const containers = await listContainers(env, settings.namePrefix);
  if (containers.some((known) => known.name === container))
    fail("conflict", name, `still has the container ${container}`, "npm start");

  console.log(`This permanently deletes:\n${folders.map((folder) => `  ${folder}`).join("\n")}`);
  if ((await ask(`Type ${name} to confirm: `)) !== name)
    fail("config", name, "not deleted: the name did not match");
  const left = deleteFolders(folders);
  if (left.length > 0) {
    const command = `sudo rm -rf ${left.map((folder) => `'${folder}'`).join(" ")}`;
    fail("environment", name, "this user is not allowed to delete all of it", command);
  }
  console.log(`Deleted the workspace of ${name}.`);
  return 0;
});

/** The command that deletes a workspace on a droplet, for which there is no script. */
function onDroplet({ stack }: Session): string {
  return `on its droplet: ssh -F .runtime/${stack}/ssh/<alias>/config <alias> rm -rf /workspaces/<name> /workspaces/.data/<name>`;
}
