/**
 * `npm run refresh`: rebuilds the projects' images with Debian's packages of today. A project in use keeps its image until the next run.
 * `--stack prod` selects another stack.
 */
import { checkConfiguration } from "../config/check.ts";
import { fail } from "../config/errors.ts";
import { projectContainer } from "../operate/docker/containers.ts";
import { dockerOfStack } from "../operate/docker/of-stack.ts";
import { removeImagesAfterUpdate } from "../operate/docker/old-images.ts";
import { applyProject } from "../operate/engine/apply.ts";
import { root } from "../operate/engine/checkout.ts";
import { parseCommandLine } from "../operate/engine/command-line.ts";
import { prepareStack } from "../operate/engine/prepare.ts";
import { prepareCommand } from "../operate/engine/prepare-command.ts";
import { pulumiOrThrow } from "../operate/engine/pulumi.ts";
import { sessionFor } from "../operate/engine/session.ts";
import { updateOrThrow } from "../operate/engine/update.ts";
import { whyInUse } from "../operate/opencode/in-use.ts";
import { refreshImages } from "../operate/opencode/refresh.ts";
import { main, provisionProgress } from "./lib/main.ts";
import { showUpdate } from "./lib/progress.ts";

await main(async (args) => {
  const line = parseCommandLine(args);
  if (line.words.length > 0)
    fail("config", "npm run refresh", `Unexpected argument: ${line.words[0]}`, "npm run refresh");
  const session = sessionFor({ ...line, words: ["up"] });
  const { projects, settings } = checkConfiguration(root, session.stack);
  await prepareStack(session, provisionProgress());
  await prepareCommand(session, "up", { notify: console.error, progress: provisionProgress() });
  const run = await dockerOfStack(session, settings);
  if (!run) return fail("conflict", session.stack, "has no host yet", "npm run pulumi -- up");
  const busy = await refreshImages({
    projects,
    settings,
    now: new Date(),
    notify: console.log,
    whyBusy: async (name) => {
      const container = await projectContainer(run, settings.namePrefix, name);
      const version = projects.find((project) => project.name === name)?.opencode.version ?? "";
      return whyInUse(run, container, version, Date.now());
    },
    configure: async (key, value) => {
      const args = value === undefined ? ["rm", key] : ["set", key, value];
      await pulumiOrThrow(["config", ...args], { session });
    },
    apply: async (name) => {
      await showUpdate("up", (onUpdateEvent) => applyProject(session, name, { projects, onUpdateEvent }));
    },
    applyAll: async () => {
      await showUpdate("up", (onUpdateEvent) => updateOrThrow(session, "up", { onUpdateEvent }));
    },
  });
  await removeImagesAfterUpdate(session, settings, console.log);
  if (!session.isLocal) console.log(`Commit Pulumi.${session.stack}.yaml: it says which image is whose.`);
  if (busy.length > 0) console.log(`In use: ${busy.join(", ")}. npm run refresh goes on with them later.`);
  return 0;
});
