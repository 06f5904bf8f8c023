/** `npm start`: everything this machine needs, then the stack, then where to find each project. */
import { checkConfiguration } from "../config/check.ts";
import { localUrls } from "../config/naming/urls.ts";
import { awaitProjects, type Readiness } from "../operate/docker/ready.ts";
import { dockerEnv, root, STACK } from "../operate/engine/checkout.ts";
import { heal } from "../operate/engine/heal.ts";
import { type ProjectOutput, readProjectOutputs } from "../operate/engine/outputs.ts";
import { prepareStack } from "../operate/engine/prepare.ts";
import { commandFor, openSession } from "../operate/engine/session.ts";
import { updateOrThrow } from "../operate/engine/update.ts";
import { offeredBuilders, platformParts, provision } from "../toolchain/index.ts";
import { dockerHost } from "../toolchain/lib/docker.ts";
import { duration } from "../toolchain/lib/words.ts";
import { isWatched, main, provisionProgress } from "./lib/main.ts";
import { refuseOtherStack } from "./lib/only-local.ts";
import { showUpdate } from "./lib/progress.ts";
import { table } from "./lib/table.ts";

await main(async (args) => {
  refuseOtherStack("start", args, (session) => commandFor(session, "up"));
  const began = performance.now();
  // Before anything is fetched or built: a mistake in projects.yaml costs a second, not minutes.
  const { settings } = checkConfiguration(root, STACK);
  await provision(platformParts(settings.baseImage), {
    root,
    progress: provisionProgress(),
    dockerHost: dockerHost(settings.dockerSocket),
    builders: await offeredBuilders(),
  });
  const session = openSession();
  await prepareStack(session, provisionProgress());
  await heal(session, console.log);
  console.log("");
  await showUpdate("up", (onUpdateEvent) => updateOrThrow(session, "up", { refresh: true, onUpdateEvent }));

  const projects = await readProjectOutputs();
  const urls = localUrls(settings.port);
  const env = dockerEnv(settings);
  const ready = await awaitProjects(projects, urls, env, settings.namePrefix, waitTeller());
  if (isWatched()) process.stdout.write("\r\x1b[K");
  show(ready);
  console.log(`\nReady in ${duration(performance.now() - began)}.`);
  return ready.every(({ answers }) => answers) ? 0 : 1;
});

/** Tells whom it waits for: on a terminal in one line that is drawn again, elsewhere each name once. */
function waitTeller(): (waitingFor: readonly string[]) => void {
  let told = "";
  return (names) => {
    const text = `Waiting for ${names.join(", ")} to answer …`;
    if (isWatched()) process.stdout.write(`\r\x1b[K${text}`);
    else if (!told) console.log(text);
    told = text;
  };
}

function show(ready: readonly Readiness[]): void {
  if (ready.length === 0) {
    console.log("\nThere is no project yet: add one to projects.yaml, then run this again.");
    return;
  }
  const rows = ready.map(({ project, answers }) => [
    project.name,
    answers ? project.state : "not answering",
    project.url,
    project.attach,
  ]);
  console.log(["", ...table(["PROJECT", "STATE", "IN A BROWSER", "IN A TERMINAL"], rows)].join("\n"));
  for (const { project, answers, note } of ready) {
    if (!answers)
      console.log(
        `\n${project.name} does not answer${note ? `: ${note}` : ""}. Its log: docker logs ${project.container}`,
      );
    else if (note) console.log(`\n${project.name}: ${note}`);
    showDeployKey(project);
  }
}

function showDeployKey({ name, deployKey }: ProjectOutput): void {
  if (deployKey)
    console.log(`\n${name}: its deploy key, to be added to the repository:\n  ${deployKey.trim()}`);
}
