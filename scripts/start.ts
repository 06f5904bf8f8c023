/** `npm start`: prepares this machine, updates the stack, and shows where each project is. */
import { checkConfiguration } from "../config/check.ts";
import { formatProblem } from "../config/errors.ts";
import { makeNames } from "../config/naming/names.ts";
import { localUrls } from "../config/naming/urls.ts";
import { localWorkspaces } from "../config/stack/workspaces-dir.ts";
import { noteMissingImages } from "../operate/devcontainer/images.ts";
import { guardProblem, UNGUARDED } from "../operate/docker/guard.ts";
import { awaitProjects } from "../operate/docker/ready.ts";
import { dockerEnv, root, STACK } from "../operate/engine/checkout.ts";
import { heal } from "../operate/engine/heal.ts";
import { readProjectOutputs } from "../operate/engine/outputs.ts";
import { prepareStack } from "../operate/engine/prepare.ts";
import { commandFor, openSession } from "../operate/engine/session.ts";
import { updateOrThrow } from "../operate/engine/update.ts";
import { finishUpdate } from "../operate/opencode/finish.ts";
import { readStateIfAny } from "../operate/state/state.ts";
import { noteFound } from "../operate/workspaces/found.ts";
import { offeredBuilders, platformParts, provision } from "../toolchain/index.ts";
import { docker, dockerHost } from "../toolchain/lib/docker.ts";
import { duration } from "../toolchain/lib/words.ts";
import { isWatched, main, provisionProgress } from "./lib/main.ts";
import { refuseOtherStack } from "./lib/only-local.ts";
import { showUpdate } from "./lib/progress.ts";
import { printPlace, printProjects, waitReporter } from "./lib/projects.ts";

await main(async (args) => {
  refuseOtherStack("start", args, (session) => commandFor(session, "up"));
  const began = performance.now();
  // Before any download or build: an error in projects.yaml costs a second, not minutes.
  const { settings, warnings } = checkConfiguration(root, STACK);
  for (const warning of warnings) console.error(`warning: ${formatProblem(warning)}`);
  await provision(platformParts(settings.baseImage), {
    root,
    progress: provisionProgress(),
    dockerHost: dockerHost(settings.dockerSocket),
    builders: await offeredBuilders(),
  });
  const session = openSession();
  await prepareStack(session, provisionProgress());
  await heal(session, console.log);
  await noteMissingImages(session, console.log);
  await noteFound(session, await readStateIfAny(session), console.log);
  console.log("");
  await showUpdate("up", (onUpdateEvent) => updateOrThrow(session, "up", { refresh: true, onUpdateEvent }));

  const upgraded = await finishUpdate(session, settings, console.log);
  const projects = await readProjectOutputs();
  const urls = localUrls(settings);
  const env = dockerEnv(settings);
  const ready = await awaitProjects(projects, urls, env, settings.namePrefix, waitReporter());
  if (isWatched()) process.stdout.write("\r\x1b[K");
  printProjects(ready);
  printPlace(localWorkspaces(settings, root).path);
  const unguarded = await guardProblem((args) => docker(args, env), makeNames(settings.namePrefix));
  if (unguarded) console.log(`\nWARNING: ${unguarded}: ${UNGUARDED} (docs/security.md).`);
  console.log(`\nReady in ${duration(performance.now() - began)}.`);
  return upgraded && ready.every(({ answers }) => answers) ? 0 : 1;
});
